package config

import (
	"fmt"
	"io"
)

// hidden is what is seen of every secret. It does not tell whether there is one.
const hidden = "***"

// Secret holds a text that must not be seen: whatever is printed, logged or
// encoded of it is "***". The zero Secret holds the empty text. A Secret may be
// copied and used from several goroutines.
type Secret struct {
	// A pointer, because fmt prints the fields of a struct that it reaches
	// through an unexported field without asking any method.
	text *string
}

// NewSecret returns a secret that holds text.
func NewSecret(text string) Secret { return Secret{&text} }

// Reveal returns the text. Call it at the last moment, where it leaves for its
// destination.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether s holds the empty text.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// String returns "***".
func (Secret) String() string { return hidden }

// GoString returns "***".
func (Secret) GoString() string { return hidden }

// Format writes "***" for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// MarshalJSON returns "***" as a JSON string.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }

// MarshalText returns "***".
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
