package terminal

import (
	"bytes"
	"os"
	"testing"
)

func TestIs(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer write.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for _, w := range []any{write, null, &bytes.Buffer{}, nil} {
		if Is(w) {
			t.Errorf("%T %v is taken for a terminal", w, w)
		}
	}
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	defer terminal.Close()
	if !Is(terminal) {
		t.Error("a terminal is not taken for one")
	}
}
