package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/starhost/starhost/action"
)

// envelope has the attributes of a CloudEvent under their own names.
type envelope struct {
	SpecVersion     string       `json:"specversion"`
	ID              string       `json:"id"`
	Source          string       `json:"source"`
	Type            string       `json:"type"`
	Time            time.Time    `json:"time"`
	Subject         string       `json:"subject,omitempty"` // must not be empty if it is there
	DataContentType string       `json:"datacontenttype"`
	Data            action.Value `json:"data"`
}

// CloudEvent returns e as its JSON is to be: a CloudEvent 1.0, as the file has it.
func (e Event) CloudEvent() any {
	return envelope{
		SpecVersion: "1.0", ID: e.ID, Source: Source, Type: e.Type, Time: e.Time.UTC(), Subject: e.Subject,
		DataContentType: "application/json", Data: withRun(e.Run, e.Data),
	}
}

// encode returns the line of e, newline included.
func encode(e Event) ([]byte, error) {
	if e.Type == "" || e.ID == "" {
		return nil, errors.New("an event needs a type and an id")
	}
	if err := e.Data.NoSecrets(); err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	err := enc.Encode(e.CloudEvent())
	if err == nil && buf.Len() > MaxEvent {
		err = fmt.Errorf("the event is %d bytes long, at most %d are allowed", buf.Len(), MaxEvent)
	}
	return buf.Bytes(), err
}

// withRun returns the data with the run as its first entry.
func withRun(run string, data action.Value) action.Value {
	entries := []action.Entry{{Key: "run", Value: action.String(run)}}
	switch data.Kind() {
	case action.None:
	case action.DictKind:
		entries = append(entries, rest(data)...)
	default:
		entries = append(entries, action.Entry{Key: "value", Value: data})
	}
	return action.Dict(entries...)
}

// rest returns the entries of a dict apart from the run.
func rest(data action.Value) (entries []action.Entry) {
	for i, key := range data.Keys() {
		if key != "run" {
			entries = append(entries, action.Entry{Key: key, Value: data.Items()[i]})
		}
	}
	return entries
}

// decode reads a line, and says whether it is an event. One that is not (torn by a
// crash, written by hand) is skipped by readers: there is nothing to be saved.
func decode(line []byte) (Event, bool) {
	var e envelope
	if err := json.Unmarshal(line, &e); err != nil || e.ID == "" || e.Type == "" {
		return Event{}, false
	}
	return Event{
		ID: e.ID, Type: e.Type, Time: e.Time, Subject: e.Subject,
		Run: e.Data.Get("run").Text(), Data: action.Dict(rest(e.Data)...),
	}, true
}
