//go:build !linux

package sigpipe

// Without calls write. Only on Linux is the signal kept away.
func Without(write func() (int, error)) (int, error) { return write() }
