package interp

// Steps sets how many steps a call may make.
func (o *Options) Steps(n uint64) { o.steps = n }
