//go:build linux

package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/scripts"
)

// Each bundled script has a page about recovery, and the page is there.
func TestNextPage(t *testing.T) {
	files := []string{"mine.star"}
	for _, s := range scripts.All {
		files = append(files, s.File)
	}
	for _, file := range files {
		page, _, _ := strings.Cut(nextPage(file), ",")
		if _, err := os.Stat(root + "/" + page); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if own := file != "mine.star" && file != "legacy.star"; own == strings.HasSuffix(page, "README.md") {
			t.Errorf("%s leads to %s", file, page)
		}
	}
}

func TestAgo(t *testing.T) {
	for d, want := range map[time.Duration]string{
		1500 * time.Millisecond:       "2s ago",
		90 * time.Minute:              "1h30m ago",
		3 * time.Hour:                 "3h0m ago",
		47*time.Hour + 29*time.Second: "47h0m ago",
		49 * time.Hour:                "2 days ago",
		-time.Hour:                    "which is still to come: compare the clocks",
	} {
		if got := ago(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
