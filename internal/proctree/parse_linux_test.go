package proctree

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	const rest = " 2 3 4 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 9911 1234 56"
	for _, tt := range []struct {
		text string
		want process
		bad  bool
	}{
		{"17 (cat) R" + rest, process{17, 2, "cat", 'R', "9911"}, false},
		{"17 (a) S 1 (b) D" + rest + "\n", process{17, 2, "a) S 1 (b", 'D', "9911"}, false},
		{"17 () Z" + rest, process{17, 2, "", 'Z', "9911"}, false},
		{"", process{}, true},
		{"17 (cat)", process{}, true},
		{"17 )cat( R" + rest, process{}, true},
		{"17 (cat) \x00" + rest, process{}, true},
		{"x (cat) R" + rest, process{}, true},
		{"17 (cat) R x 3 4 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 9911", process{}, true},
	} {
		got, err := parseStat([]byte(tt.text))
		if (err != nil) != tt.bad || err == nil && got != tt.want {
			t.Errorf("%q: got %+v, %v; want %+v", tt.text, got, err, tt.want)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	self, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(self)
	f.Add([]byte("1 (a) b) S 2"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if p, err := parseStat(text); err == nil && (p.state == 0 || p.start == "") {
			t.Errorf("%q: %+v has no state or no start", text, p)
		}
	})
}

func TestKillSparesAPidUsedAgain(t *testing.T) {
	p, err := stat(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	p.start += "0" // another process, which had our pid before
	if err := p.kill(); err == nil {
		t.Error("kill of a process that is gone succeeded")
	}
}

func TestRunNeedsInit(t *testing.T) {
	initialised.Store(false)
	defer initialised.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if _, err := (&Command{Path: "/bin/true"}).Run(ctx); !errors.Is(err, ErrStart) {
		t.Errorf("got %v, want ErrStart", err)
	}
}
