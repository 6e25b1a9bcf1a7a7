package event

import (
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
)

func dict(key string, value action.Value) action.Value {
	return action.Dict(action.Entry{Key: key, Value: value})
}

func TestFormat(t *testing.T) {
	line, err := encode(Event{
		ID: "1", Type: ScriptPrefix + "done", Time: time.Unix(0, 5), Subject: "orders", Run: "01J",
		Data: dict("a<b", action.Int(1)).With("run", action.String("forged")),
	})
	want := `{"specversion":"1.0","id":"1","source":"starhost","type":"starhost.script.done","time":"1970-01-01T00:00:00.000000005Z",` +
		`"subject":"orders","datacontenttype":"application/json","data":{"run":"01J","a<b":1}}` + "\n"
	if err != nil || string(line) != want {
		t.Errorf("got  %swant %s%v", line, want, err)
	}
}

func TestRoundTrip(t *testing.T) {
	tests := []struct {
		name       string
		data, want action.Value
	}{
		{"none", action.Value{}, action.Dict()},
		{"dict", dict("a", action.List(action.Bytes([]byte{0xff}))), dict("a", action.List(action.Bytes([]byte{0xff})))},
		{"other", action.Int(3), dict("value", action.Int(3))},
		{"run of a script", dict("run", action.Int(3)), action.Dict()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := Event{ID: "1", Type: Prefix + "x", Time: time.Unix(1, 2), Subject: "orders", Run: "01J", Data: tt.data}
			line, err := encode(want)
			if err != nil {
				t.Fatal(err)
			}
			got, ok := decode(line)
			if !ok || !got.Data.Equal(tt.want) || !got.Time.Equal(want.Time) {
				t.Fatalf("got %+v", got)
			}
			got.Data, got.Time, want.Data, want.Time = action.Value{}, time.Time{}, action.Value{}, time.Time{}
			if got.ID != want.ID || got.Type != want.Type || got.Subject != want.Subject || got.Run != want.Run {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"specversion":"1.0","id":"1","type":"x","time":"1970-01-01T00:00:00Z","data":{"run":"1"}}`))
	f.Add([]byte(`{"id":"1","type":"x","data":3}`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, line []byte) {
		e, ok := decode(line)
		if !ok {
			return
		}
		again, err := encode(e)
		if err != nil {
			return // longer than allowed, a secret, or a year that cannot be written
		}
		if got, ok := decode(again); !ok || !got.Data.Equal(e.Data) || strings.ToValidUTF8(e.Run, "") != strings.ToValidUTF8(got.Run, "") {
			t.Errorf("%q came back as %+v", line, got)
		}
	})
}
