//go:build linux

package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/starhost/starhost/internal/testtable"
)

// row is what is printed of one kind of death.
type row struct {
	runs, struck int
	worst        time.Duration
}

func (m *matrix) note(where string, death [2]string, held time.Duration, struck bool) {
	name := fmt.Sprintf("%-18s %s  %s", death[0], death[1], where)
	r := m.rows[name]
	if r == nil {
		r = &row{}
		m.rows[name] = r
	}
	r.runs++
	if struck {
		r.struck++
	}
	r.worst = max(r.worst, held)
}

func (m *matrix) print() {
	names := slices.SortedFunc(maps.Keys(m.rows), cmp.Compare[string])
	table := "who dies           how   when              runs  struck  longest held after it\n"
	for _, name := range names {
		r := m.rows[name]
		table += fmt.Sprintf("%-42s %4d  %6d  %v\n", name, r.runs, r.struck, r.worst.Round(time.Millisecond))
	}
	testtable.Show(m.t, "deaths", table)
}
