// Package stmt says what a SQL statement does to the server it is sent to, by
// looking at its text alone: whether it only reads, changes its own session, or
// changes something that has to be undone.
//
// The answer is an allow-list per database. What is not known to only read is a
// [Change], a function that is not on the list of reading functions included,
// and where a server setting decides how a text is read (backslashes in MySQL,
// double quotes, blanks before a parenthesis), the text must only read in every
// reading. A text that a person would have to read twice is a Change.
//
// The package guards a script against the mistakes of its author. It is no
// sandbox: it cannot see what a view, an operator or a cast calls, or what a
// schema on search_path shadows. Rights on the server are the border.
//
// Sources: the reference manuals of MySQL 5.6 to 9, MariaDB, PostgreSQL 9.6 to 18
// and Oracle 11.2 to 23, and the tokenizer of SQLite (src/tokenize.c). All tables are constant;
// every function is pure and safe for use from any goroutine.
package stmt

import (
	"errors"
	"fmt"
	"slices"

	"github.com/starhost/starhost/action"
)

// A Class is the worst that a statement does. The zero Class is [Change], so
// that a forgotten answer is the careful one.
type Class int

// The classes, from the worst to the most harmless.
const (
	Change Class = iota // changes something that others see, or takes something they wait for
	Local               // changes only its session and ends with it
	Read                // touches nothing
)

var classNames = [...]string{"change", "local", "read"}

// String returns the word for messages.
func (c Class) String() string {
	if c < 0 || int(c) >= len(classNames) {
		return fmt.Sprintf("class(%d)", int(c))
	}
	return classNames[c]
}

// Info is what is known about one statement.
type Info struct {
	Class Class
	// Scope of a Change is how long its effect lasts if nobody undoes it. It is
	// [action.ScopeDefault] for the other classes.
	Scope action.Scope
	// What are a few words for a message, with the statement as their subject:
	// "calls sleep(), which does not only read".
	What string
}

// Classify says what one statement does to a database: "mysql" (MySQL, MariaDB,
// Percona Server), "oracle", "postgres" or "sqlite".
//
// The error is for a text that cannot be judged at all: an unknown database, an
// empty statement, more than one statement (one that is followed by semicolons
// and comments alone is one), a quote or comment that does not end, a NUL byte. Compound
// statements, whose bodies hold semicolons, count as more than one, but for a block of
// PL/SQL, which is a durable Change whatever is in it. The Info that comes with an error is one too.
func Classify(database, query string) (Info, error) {
	d, err := dialectOf(database)
	if err != nil {
		return unknown("cannot be judged"), err
	}
	t, odd, err := lex(&d.lexis, query)
	if err != nil {
		return unknown("cannot be judged"), err
	}
	if odd != "" {
		return unknown(odd), nil
	}
	if d.block(t) {
		return unknown("is a block of PL/SQL"), nil
	}
	t, err = t.single()
	if err != nil {
		return unknown("cannot be judged"), err
	}
	return d.statement(t), nil
}

// statement judges one statement.
func (d *dialect) statement(t tokens) Info {
	switch {
	case slices.Contains(d.queries, t.head()):
		return d.query(t)
	case t.op(0) == "(":
		return unknown("is in parentheses and no query")
	}
	return d.judge(d, t)
}

// single returns the one statement in t without its semicolons.
func (t tokens) single() (tokens, error) {
	for len(t) > 0 && t.op(len(t)-1) == ";" {
		t = t[:len(t)-1]
	}
	if len(t) == 0 {
		return nil, errors.New("the statement is empty")
	}
	for i := range t {
		if t.op(i) == ";" {
			return nil, errors.New("more than one statement: send them one by one")
		}
	}
	return t, nil
}

// A dialect is everything that differs between databases.
type dialect struct {
	lexis lexis
	// reserved are the words before a parenthesis that the server can never take
	// for the name of a function that somebody has created.
	reserved set
	// reads are the functions that only read.
	reads set
	// packaged are functions of packages that only read, as package.function.
	packaged set
	// calls are functions that do more, but are known.
	calls map[string]Info
	// refine looks closer at the arguments of a call in calls; it may be nil.
	refine func(t tokens, i int) (Info, bool)
	// tight says that a blank between name and parenthesis may make a built-in
	// function another one.
	tight bool
	// catalog is the schema whose functions may be named with it.
	catalog string
	// operators that only read; nil if operators cannot be created.
	operators set
	// names beginning so are functions even where no parenthesis follows.
	virtual string
	// changes are the statements whose scope is known to be less than durable; the
	// first that matches counts.
	changes []change
	// queries are the words that a query begins with; planned are those of the
	// other statements that EXPLAIN only plans.
	queries, planned []string
	// blocks are the words that a block of statements begins with.
	blocks []string
	// judge judges a statement that is no query.
	judge func(d *dialect, t tokens) Info
}

func dialectOf(database string) (*dialect, error) {
	switch database {
	case "mysql":
		return &mysql, nil
	case "oracle":
		return &oracle, nil
	case "postgres":
		return &postgres, nil
	case "sqlite":
		return &sqlite, nil
	}
	return nil, fmt.Errorf(`unknown database %q, want "mysql", "oracle", "postgres" or "sqlite"`, database)
}

func read() Info { return Info{Class: Read, What: "only reads"} }

func local(what string) Info { return Info{Class: Local, What: what} }

func changing(scope action.Scope, what string) Info {
	return Info{Class: Change, Scope: scope, What: what}
}

func unknown(what string) Info { return changing(action.ScopeDurable, what) }

// worse returns the one of two findings that promises less; a if they are equal.
func worse(a, b Info) Info {
	if b.Class < a.Class || b.Class == a.Class && b.Scope > a.Scope {
		return b
	}
	return a
}
