// Package redact blots secrets out of text that is about to leave the process.
//
// It is the last of several fences: secrets are kept out of journals, events and
// messages by their types. This one catches what a server or a program says back.
package redact

import (
	"encoding/json"
	"io"
	"net/url"
	"slices"
	"strings"
)

// shortest is the length below which a secret is not looked for: blotting out
// every "a" of a text hides more than the secret.
const shortest = 3

const stars = "***"

// Redactor replaces secrets. It is immutable.
type Redactor struct{ replacer *strings.Replacer }

// New returns a redactor of these secrets, in plain, JSON and URL form.
func New(secrets []string) *Redactor {
	var forms []string
	for _, s := range secrets {
		if len(s) < shortest {
			continue
		}
		quoted, _ := json.Marshal(s) // a string always encodes
		forms = append(forms, s, string(quoted[1:len(quoted)-1]), url.QueryEscape(s), url.PathEscape(s))
	}
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) }) // the longest wins
	pairs := make([]string, 0, 2*len(forms))
	for _, form := range slices.Compact(forms) {
		pairs = append(pairs, form, stars)
	}
	return &Redactor{strings.NewReplacer(pairs...)}
}

// String returns text without secrets.
func (r *Redactor) String(text string) string { return r.replacer.Replace(text) }

// Writer returns a writer that passes on each Write without secrets. A secret that
// is spread over two writes is not seen: give it whole lines.
func (r *Redactor) Writer(w io.Writer) io.Writer { return writer{r, w} }

type writer struct {
	r *Redactor
	w io.Writer
}

func (w writer) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.w, w.r.String(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}
