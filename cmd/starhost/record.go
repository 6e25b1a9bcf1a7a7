package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/scripttest/recording"
)

// startRecording has a run written down. The file is made now, so that a wrong path is
// found before anything is done, and filled by save when the run is over: it may be on
// a filesystem that the run freezes.
func startRecording(o *starhost.Options, path string) (save func() error, err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, usage("--record: %w (the file must be a new one)", err)
	}
	var text bytes.Buffer
	o.Record = recording.NewRecorder(&text)
	return func() error {
		if text.Len() == 0 { // the run never began
			return errors.Join(f.Close(), os.Remove(path))
		}
		_, err := f.Write(text.Bytes())
		if err = errors.Join(o.Record.Err(), err, f.Close()); err != nil {
			return &exitError{code: run.ExitInternal, err: fmt.Errorf("the recording %s: %w", path, err)}
		}
		return nil
	}, nil
}
