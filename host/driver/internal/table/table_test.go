package table

import (
	"strings"
	"testing"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver"
)

func TestBounds(t *testing.T) {
	long := action.String(strings.Repeat("x", driver.MaxBytes/4))
	for _, c := range []struct {
		name    string
		columns []string
		rows    int
		value   action.Value
		fault   string // part of the message
		over    int    // how often the server is to be stopped
	}{
		{"none", []string{"a"}, 0, action.Int(1), "", 0},
		{"all that are allowed", []string{"a"}, driver.MaxRows, action.Int(1), "", 0},
		{"one too many", []string{"a"}, driver.MaxRows + 1, action.Int(1), "more than", 1},
		{"many too many", []string{"a"}, 3 * driver.MaxRows, action.Int(1), "more than", 1},
		{"as large as allowed", []string{"a"}, 3, long, "", 0},
		{"too large", []string{"a"}, 4, long, "larger", 1},
		{"much too large", []string{"a"}, 9, long, "larger", 1},
		{"names count", []string{strings.Repeat("n", 1000)}, 2000, action.Int(1), "larger", 1},
		{"two of one name", []string{"a", "b", "a"}, 3, action.Int(1), `"a"`, 0},
		{"many of one name", []string{"a", "a"}, driver.MaxRows + 1, action.Int(1), `"a"`, 1},
		{"names differ by case", []string{"a", "A"}, 1, action.Int(1), "", 0},
	} {
		over := 0
		table := New(c.columns, func() { over++ })
		for range c.rows {
			row := make([]action.Value, len(c.columns))
			for i := range row {
				row[i] = c.value
			}
			table.Add(row)
		}
		r := table.Result(action.Applied)
		switch {
		case r.State != action.Applied || over != c.over:
			t.Errorf("%s: state %s, stopped %d times, want %d", c.name, r.State, over, c.over)
		case c.fault == "" && (r.Err != nil || len(r.Rows.Rows) != c.rows):
			t.Errorf("%s: got %v, want %d rows", c.name, r.Err, c.rows)
		case c.fault != "" && (r.Rows != nil || r.Err == nil || r.Err.Kind != action.KindScript || !strings.Contains(r.Err.Message, c.fault)):
			t.Errorf("%s: got %v, want a fault with %q in it", c.name, r.Err, c.fault)
		}
		if r.Rows == nil {
			continue
		}
		if err := crosses(r.Rows); err != nil {
			t.Errorf("%s: what is let through does not fit through the waist: %v", c.name, err)
		}
	}
}

// crosses encodes rows as a script gets them.
func crosses(rows *action.Rows) error {
	list := make([]action.Value, 0, len(rows.Rows))
	for _, row := range rows.Rows {
		entries := make([]action.Entry, 0, len(row))
		for i, v := range row {
			entries = append(entries, action.Entry{Key: rows.Columns[i], Value: v})
		}
		list = append(list, action.Dict(entries...))
	}
	_, err := action.List(list...).MarshalJSON()
	return err
}

func TestText(t *testing.T) {
	for text, want := range map[string]action.Value{
		"":         action.String(""),
		"Zürich":   action.String("Zürich"),
		"Z\xfcich": action.Bytes([]byte("Z\xfcich")),
	} {
		if got := Text([]byte(text)); !got.Equal(want) {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}
