package stmt

import (
	"strings"
	"testing"
)

// rewrites say the same in another way: every token is kept, what is between
// them is not.
var rewrites = map[string]func(t tokens) string{
	"comments":  func(t tokens) string { return joined(t, "/* ' */", strings.ToLower) },
	"lines":     func(t tokens) string { return joined(t, " -- \"\n", strings.ToUpper) },
	"tabs":      func(t tokens) string { return joined(t, "\t", func(s string) string { return s }) },
	"no blanks": func(t tokens) string { return "/**/" + joined(t, "/**/", strings.ToUpper) + "/**/;" },
}

func joined(t tokens, between string, letters func(string) string) string {
	parts := make([]string, 0, len(t))
	for _, tok := range t {
		raw := tok.raw
		if tok.kind == word {
			raw = letters(raw)
		}
		parts = append(parts, raw)
	}
	return strings.Join(parts, between)
}

// checkProperties checks what must be true of every text.
func checkProperties(t *testing.T, database, query string) {
	t.Helper()
	info, err := Classify(database, query)
	if info.What == "" || (info.Class == Change) != (info.Scope != 0) || err != nil && info.Class != Change {
		t.Fatalf("%s: %q: incomplete answer %+v, %v", database, query, info, err)
	}
	if info.Class != Change {
		if got, err := Classify(database, query+"\n; DROP TABLE t"); err == nil {
			t.Fatalf("%s: %q: a second statement goes unseen: %+v", database, query, got)
		}
		if got, _ := Classify(database, query+"\n+ frobnicate(1)"); got.Class != Change {
			t.Fatalf("%s: %q: a call at the end goes unseen: %+v", database, query, got)
		}
	}
	d, _ := dialectOf(database)
	tokens, odd, lexErr := lex(&d.lexis, query)
	if err != nil || lexErr != nil || odd != "" {
		return
	}
	for name, rewrite := range rewrites {
		again := rewrite(tokens)
		if got, err := Classify(database, again); err == nil && got.Class > info.Class {
			t.Fatalf("%s: %q: %s make a %v of a %v: %q", database, query, name, got.Class, info.Class, again)
		}
	}
}

func TestProperties(t *testing.T) {
	for database := range allCases {
		for _, c := range []cases{anyCases, mysqlCases, oracleCases, postgresCases, sqliteCases} {
			for _, queries := range c {
				for _, query := range queries {
					checkProperties(t, database, query)
				}
			}
		}
	}
}

func FuzzClassify(f *testing.F) {
	for _, c := range []cases{anyCases, mysqlCases, oracleCases, postgresCases, sqliteCases} {
		for _, queries := range c {
			for _, query := range queries {
				f.Add(query)
			}
		}
	}
	f.Fuzz(func(t *testing.T, query string) {
		for database := range allCases {
			checkProperties(t, database, query)
		}
	})
}

// TestLong makes sure that long hostile texts are judged in linear time: with
// anything worse this takes minutes.
func TestLong(t *testing.T) {
	for _, part := range []string{"(", "SELECT ", "a,", "EXPLAIN ANALYZE ", "SET STATEMENT a = 1 FOR ", "q'[", "f(", "/*", "'", "1 ", "$a$", "\\", "WITH "} {
		query := strings.Repeat(part, (1<<16)/len(part))
		for database := range allCases {
			_, _ = Classify(database, query)
			_, _ = Classify(database, "SET "+query)
			_, _ = Classify(database, "FLUSH "+query)
		}
	}
}
