package run

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Verdict is what a snapshot is worth. The order is from least to most.
type Verdict int

// The verdicts. NoVerdict: there is no snapshot.
const (
	NoVerdict Verdict = iota
	Crash
	Filesystem
	Application
)

var verdictNames = []string{"", "crash", "filesystem", "application"}

// String returns the word of the report, empty for NoVerdict.
func (v Verdict) String() string { return verdictNames[v] }

// ParseVerdict is the inverse of String.
func ParseVerdict(name string) (Verdict, error) {
	if i := slices.Index(verdictNames, name); i > 0 {
		return Verdict(i), nil
	}
	return NoVerdict, fmt.Errorf("got %q, want application, filesystem or crash", name)
}

// MarshalJSON writes the word, or null.
func (v Verdict) MarshalJSON() ([]byte, error) {
	if v == NoVerdict {
		return []byte("null"), nil
	}
	return []byte(`"` + v.String() + `"`), nil
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (v *Verdict) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		*v = NoVerdict
		return nil
	}
	var name string
	if err := json.Unmarshal(text, &name); err != nil {
		return err
	}
	got, err := ParseVerdict(name)
	*v = got
	return err
}

// proof is what is known about one member when a snapshot has been taken.
type proof struct {
	Quiesced bool // prescript succeeded, verify exists and passed, no session was lost
	Mode     Mode
	Named    bool // the script named filesystems
	None     bool // the script stated that it needs no freeze
	Frozen   bool // we froze everything named, and it was still frozen when we thawed it
}

// verdictOf is the table of what a snapshot is worth.
//
//	quiesce proven   data proven on the disk    verdict
//	yes              yes                        application
//	no               frozen, by whomever        filesystem
//	anything else                               crash
//
// The data is on the disk if we froze every filesystem that the script named, for
// the whole snapshot; if the caller freezes, or the snapshot is atomic and syncs,
// and the config says so; or if the script stated that it needs no freeze.
func verdictOf(p proof) Verdict {
	frozen := p.Frozen || p.Mode == FreezeCaller || p.Mode == FreezeByTool
	onDisk := p.None && !p.Named || frozen && (p.Named || p.Mode != FreezeNamed)
	switch {
	case p.Quiesced && onDisk:
		return Application
	case frozen:
		return Filesystem
	}
	return Crash
}
