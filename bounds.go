package starhost

import (
	"time"

	"github.com/starhost/starhost/config"
)

// Bounds narrow what the configuration allows, for somebody who grants less than the
// configuration asks for: whatever calls us has limits of its own. 0 bounds nothing.
type Bounds struct {
	Timeout    time.Duration `json:"timeout,omitempty"`    // that anything may stay held
	Prescript  time.Duration `json:"prescript,omitempty"`  // of prescripts
	Postscript time.Duration `json:"postscript,omitempty"` // of verify and of postscripts, each
	Freeze     time.Duration `json:"freeze,omitempty"`     // that a filesystem may stay frozen
	// FSFreeze is what fs_freeze = auto means: config.FreezeCaller if the caller
	// freezes filesystems, config.FreezeSnapshot if its snapshot is atomic and syncs.
	// Empty leaves it. A list of mount points is refused then: two would freeze them.
	FSFreeze string `json:"fs_freeze,omitempty"`
}

// narrow applies the bounds.
func (b Bounds) narrow(workloads []config.Workload) error {
	for i := range workloads {
		w := &workloads[i]
		w.Timeout, w.FreezeTimeout = least(w.Timeout, b.Timeout), least(w.FreezeTimeout, b.Freeze)
		w.PrescriptTimeout, w.PostscriptTimeout = least(w.PrescriptTimeout, b.Prescript), least(w.PostscriptTimeout, b.Postscript)
		if b.FSFreeze == "" {
			continue
		}
		switch w.FSFreeze.Mode {
		case config.FreezeAuto:
			w.FSFreeze.Mode = b.FSFreeze
		case config.FreezeList:
			return configError("%s:%d: fs_freeze of workload %q lists mount points, but whatever calls us sees to the filesystems (%s): remove fs_freeze", w.File, w.Line, w.Name, b.FSFreeze)
		}
	}
	return nil
}

func least(configured, bound time.Duration) time.Duration {
	if bound > 0 {
		return min(configured, bound)
	}
	return configured
}
