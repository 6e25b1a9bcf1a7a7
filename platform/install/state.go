package install

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"strconv"
)

// Kind is what a path is.
type Kind string

// The kinds.
const (
	Absent Kind = "absent"
	File   Kind = "file"
	Link   Kind = "link"
	Dir    Kind = "directory"
	Other  Kind = "other"
)

// State is what a path is, as far as install cares.
type State struct {
	Kind   Kind   `json:"kind"`
	Mode   Mode   `json:"mode,omitempty"` // of a file or a directory
	UID    int    `json:"uid"`            // of a file
	GID    int    `json:"gid"`
	Target string `json:"target,omitempty"` // of a link
	SHA256 string `json:"sha256,omitempty"` // of the text of a file
	Text   []byte `json:"text,omitempty"`
}

// same reports whether two paths are the same thing.
func (s State) same(o State) bool {
	switch {
	case s.Kind != o.Kind:
		return false
	case s.Kind == Link:
		return s.Target == o.Target
	case s.Kind == File:
		return s.Mode == o.Mode && s.UID == o.UID && s.GID == o.GID && s.SHA256 == o.SHA256
	}
	return s.Kind != Other
}

// file is a file of ours with that text.
func file(text string, mode fs.FileMode) State {
	uid, gid := owner()
	return State{Kind: File, Mode: Mode(mode), UID: uid, GID: gid}.with([]byte(text))
}

// with returns the file with another text.
func (s State) with(text []byte) State {
	sum := sha256.Sum256(text)
	s.Text, s.SHA256 = text, hex.EncodeToString(sum[:])
	return s
}

// Mode is permissions, written as chmod takes them.
type Mode fs.FileMode

// String has four digits.
func (m Mode) String() string { return fmt.Sprintf("%04o", uint32(m)) }

// MarshalText writes the digits.
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads them.
func (m *Mode) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 8, 12)
	*m = Mode(n)
	return err
}
