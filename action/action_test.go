package action

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

func TestValueSurvivesTheCodec(t *testing.T) {
	for _, v := range []Value{
		{},
		Bool(true), Bool(false), Int(0), Int(-1), Int(math.MinInt64), Uint(math.MaxUint64), Uint(7),
		Float(1), Float(-0.5), Float(1e300), String(""), String("a\"\n\u2028<é"), Bytes([]byte{0, 255}), Secret("pw"),
		List(), List(Int(1), List(), Dict()), Dict(Entry{"b", Int(1)}, Entry{"a", Value{}}),
		Dict(Entry{"$bytes", String("not bytes")}), Dict(Entry{"$$x", Int(1)}),
	} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Errorf("%v: %v", v, err)
			continue
		}
		var got Value
		if err := json.Unmarshal(text, &got); err != nil || !got.Equal(v) || got.String() != v.String() {
			t.Errorf("%s came back as %v, %v", text, got, err)
		}
	}
}

func TestValueLimits(t *testing.T) {
	deep := Int(1)
	for range MaxDepth + 1 {
		deep = List(deep)
	}
	for name, v := range map[string]Value{
		"deep": deep, "NaN": Float(math.NaN()), "infinite": Float(math.Inf(1)), "long": String(strings.Repeat("x", MaxBytes)),
	} {
		if _, err := json.Marshal(v); err == nil {
			t.Errorf("%s: encoded", name)
		}
	}
	for _, text := range []string{
		strings.Repeat("[", 40) + strings.Repeat("]", 40), `{"a":1,"a":2}`, `{"$what":1}`, `{"$bytes":"x","b":1}`,
		`{"$bytes":"%"}`, `123456789012345678901234567890`, `[1`, `{"a"`, ``,
	} {
		var v Value
		if err := v.UnmarshalJSON([]byte(text)); err == nil {
			t.Errorf("%.40s: decoded as %v", text, v)
		}
	}
}

func TestValueEqual(t *testing.T) {
	ab := Dict(Entry{"a", Int(1)}, Entry{"b", Int(2)})
	ba := Dict(Entry{"b", Int(2)}, Entry{"a", Int(1)})
	if !ab.Equal(ba) || ab.Equal(ab.With("a", Int(3))) || Int(1).Equal(Float(1)) || Int(-1).Equal(Uint(math.MaxUint64)) {
		t.Error("dicts compare without order, numbers by kind and content")
	}
}

func FuzzValue(f *testing.F) {
	f.Add([]byte(`{"a":[1,2.5,"x",null,true,{"$bytes":"AA=="}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var v, again Value
		if v.UnmarshalJSON(text) != nil {
			return
		}
		out, err := v.MarshalJSON()
		if err != nil {
			return // over a limit once it is written out
		}
		if err := again.UnmarshalJSON(out); err != nil || !again.Equal(v) {
			t.Fatalf("%s came back as %s, %v", text, again, err)
		}
	})
}

func TestOpValidate(t *testing.T) {
	sql := Op{SQL: &SQL{Query: "SELECT 1"}}
	for _, bad := range []Op{{}, {SQL: sql.SQL, Sleep: &Sleep{}}, {AnyOf: []Op{{}}}} {
		if bad.Validate() == nil {
			t.Errorf("%+v is valid", bad)
		}
	}
	for _, good := range []Op{sql, {AnyOf: []Op{sql, sql}}} {
		if err := good.Validate(); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
}

// Every word is declared whole: a reader of the reference needs all of it.
func TestSpecsAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range Specs {
		if seen[s.Name] || s.Doc == "" || s.Effect == "" || s.Returns == "" || s.Example == "" {
			t.Errorf("%s: declared twice, or without doc, effect, result or example", s.Name)
		}
		seen[s.Name] = true
		names := map[string]bool{}
		for _, p := range s.Params {
			if names[p.Name] || p.Doc == "" || p.Type.Name == "" || p.Type.Stub == "" {
				t.Errorf("%s: parameter %q declared twice, or without doc or type", s.Name, p.Name)
			}
			names[p.Name] = true
		}
	}
}
