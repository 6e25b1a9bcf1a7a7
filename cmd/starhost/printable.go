package main

import (
	"strconv"
	"strings"
	"unicode"
)

// printable is a text that moves no cursor and sets no colour, whatever a script, a
// server or the process of a script has put in: what a terminal would obey is written as
// Go writes it.
func printable(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r == '\n' || r == '\t' || unicode.IsGraphic(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRune(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}
