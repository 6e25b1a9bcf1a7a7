package action

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Limits of a value that crosses the waist. They are far above what a quiesce
// needs; they keep a script, or a server, from filling the memory of the host.
const (
	MaxDepth = 16      // nested lists and dicts
	MaxBytes = 1 << 20 // encoded size
)

// ValueKind is the type of a [Value].
type ValueKind uint8

// The kinds of value.
const (
	None ValueKind = iota
	BoolKind
	IntKind
	FloatKind
	StringKind
	BytesKind
	ListKind
	DictKind
	SecretKind
)

var kindNames = [...]string{"None", "bool", "int", "float", "string", "bytes", "list", "dict", "secret"}

// String returns the name a script author knows the type by.
func (k ValueKind) String() string { return kindNames[k] }

// Value is one value that crosses the waist: none, bool, int, float, string,
// bytes, list, ordered dict with string keys, or the name of a secret. The zero
// Value is none. Values are immutable: accessors return shared slices that must
// not be written to.
//
// A secret is only ever its name; the host puts the text in its place at the
// last moment.
type Value struct {
	kind ValueKind
	bits uint64 // bool, int (two's complement), float
	big  bool   // an int above MaxInt64: bits is unsigned
	str  string // string, bytes, name of a secret
	list []Value
	keys []string // of a dict; list holds its values
}

// Bool returns a bool.
func Bool(b bool) Value {
	if b {
		return Value{kind: BoolKind, bits: 1}
	}
	return Value{kind: BoolKind}
}

// Int returns an int.
func Int(i int64) Value { return Value{kind: IntKind, bits: uint64(i)} }

// Uint returns an int; databases have unsigned ones that do not fit an int64.
func Uint(u uint64) Value { return Value{kind: IntKind, bits: u, big: u > math.MaxInt64} }

// Float returns a float, which must be finite to survive the codec.
func Float(f float64) Value { return Value{kind: FloatKind, bits: math.Float64bits(f)} }

// String returns a string.
func String(s string) Value { return Value{kind: StringKind, str: s} }

// Bytes returns bytes.
func Bytes(b []byte) Value { return Value{kind: BytesKind, str: string(b)} }

// Secret returns the secret of that name.
func Secret(name string) Value { return Value{kind: SecretKind, str: name} }

// List returns a list.
func List(values ...Value) Value { return Value{kind: ListKind, list: values} }

// Entry is one item of a dict.
type Entry struct {
	Key   string
	Value Value
}

// Dict returns an ordered dict. Keys must be unique.
func Dict(entries ...Entry) Value {
	v := Value{kind: DictKind, keys: make([]string, len(entries)), list: make([]Value, len(entries))}
	for i, e := range entries {
		v.keys[i], v.list[i] = e.Key, e.Value
	}
	return v
}

// Kind returns the type of v.
func (v Value) Kind() ValueKind { return v.kind }

// IsNone reports whether v is none.
func (v Value) IsNone() bool { return v.kind == None }

// AsBool returns the bool; false for another kind.
func (v Value) AsBool() bool { return v.kind == BoolKind && v.bits == 1 }

// AsInt returns the int and whether v is one that fits.
func (v Value) AsInt() (int64, bool) { return int64(v.bits), v.kind == IntKind && !v.big }

// AsUint returns the int and whether v is one that is not negative.
func (v Value) AsUint() (uint64, bool) {
	return v.bits, v.kind == IntKind && (v.big || int64(v.bits) >= 0)
}

// AsFloat returns a float or an int as a float.
func (v Value) AsFloat() (float64, bool) {
	switch {
	case v.kind == FloatKind:
		return math.Float64frombits(v.bits), true
	case v.kind == IntKind && v.big:
		return float64(v.bits), true
	case v.kind == IntKind:
		return float64(int64(v.bits)), true
	}
	return 0, false
}

// Text returns the content of a string, of bytes, or the name of a secret.
func (v Value) Text() string { return v.str }

// Items returns the values of a list, or of a dict in order.
func (v Value) Items() []Value { return v.list }

// Keys returns the keys of a dict in order.
func (v Value) Keys() []string { return v.keys }

// Get returns the value of a key of a dict, or none.
func (v Value) Get(key string) Value {
	if i := slices.Index(v.keys, key); i >= 0 {
		return v.list[i]
	}
	return Value{}
}

// With returns the dict v with key set to value.
func (v Value) With(key string, value Value) Value {
	entries := make([]Entry, 0, len(v.keys)+1)
	found := false
	for i, k := range v.keys {
		e := Entry{Key: k, Value: v.list[i]}
		if k == key {
			e.Value, found = value, true
		}
		entries = append(entries, e)
	}
	if !found {
		entries = append(entries, Entry{Key: key, Value: value})
	}
	return Dict(entries...)
}

// Truth reports whether v is what a guard query answers for yes: true, a number
// other than zero, or the words a server uses for yes.
func (v Value) Truth() bool {
	switch v.kind {
	case BoolKind, IntKind:
		return v.bits != 0
	case FloatKind:
		return math.Float64frombits(v.bits) != 0
	case StringKind, BytesKind:
		return slices.Contains([]string{"1", "on", "t", "true", "yes"}, strings.ToLower(v.str))
	}
	return false
}

// Equal reports whether two values have the same kind and content; 1 and 1.0
// differ, the order of a dict does not matter.
func (v Value) Equal(w Value) bool {
	if v.kind != w.kind || v.bits != w.bits || v.big != w.big || v.str != w.str || len(v.list) != len(w.list) {
		return false
	}
	for i := range v.list {
		other := w.list[i]
		if v.kind == DictKind {
			if !slices.Contains(w.keys, v.keys[i]) {
				return false
			}
			other = w.Get(v.keys[i])
		}
		if !v.list[i].Equal(other) {
			return false
		}
	}
	return true
}

// String returns the JSON of v, for logs and tests.
func (v Value) String() string {
	text, err := v.MarshalJSON()
	if err != nil {
		return "<" + err.Error() + ">"
	}
	return string(text)
}

// MarshalJSON writes v. Dicts keep their order, floats have a point or an
// exponent so that they stay floats, bytes are {"$bytes": base64} and a secret
// is {"$secret": name}. A key of a dict that begins with $ gets a second one.
func (v Value) MarshalJSON() ([]byte, error) {
	text, err := v.append(nil, 0)
	if err == nil && len(text) > MaxBytes {
		err = fmt.Errorf("value is %d bytes long, at most %d are allowed", len(text), MaxBytes)
	}
	return text, err
}

func (v Value) append(to []byte, depth int) ([]byte, error) {
	if depth > MaxDepth {
		return nil, fmt.Errorf("value is nested deeper than %d", MaxDepth)
	}
	switch v.kind {
	case BoolKind:
		return strconv.AppendBool(to, v.bits == 1), nil
	case IntKind:
		if v.big {
			return strconv.AppendUint(to, v.bits, 10), nil
		}
		return strconv.AppendInt(to, int64(v.bits), 10), nil
	case FloatKind:
		return appendFloat(to, math.Float64frombits(v.bits))
	case StringKind:
		return appendString(to, v.str), nil
	case BytesKind:
		return append(appendString(append(to, `{"$bytes":`...), base64.StdEncoding.EncodeToString([]byte(v.str))), '}'), nil
	case SecretKind:
		return append(appendString(append(to, `{"$secret":`...), v.str), '}'), nil
	case ListKind, DictKind:
		return v.appendItems(to, depth)
	}
	return append(to, "null"...), nil
}

func (v Value) appendItems(to []byte, depth int) ([]byte, error) {
	open, end := byte('['), byte(']')
	if v.kind == DictKind {
		open, end = '{', '}'
	}
	to = append(to, open)
	var err error
	for i, item := range v.list {
		if i > 0 {
			to = append(to, ',')
		}
		if v.kind == DictKind {
			key := v.keys[i]
			if strings.HasPrefix(key, "$") {
				key = "$" + key
			}
			to = append(appendString(to, key), ':')
		}
		if to, err = item.append(to, depth+1); err != nil {
			return nil, err
		}
		if len(to) > MaxBytes {
			return nil, fmt.Errorf("value is longer than %d bytes", MaxBytes)
		}
	}
	return append(to, end), nil
}

func appendFloat(to []byte, f float64) ([]byte, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fmt.Errorf("%v cannot be recorded", f)
	}
	text := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return append(to, text...), nil
}

func appendString(to []byte, s string) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string always encodes; invalid UTF-8 becomes U+FFFD
	return append(to, bytes.TrimRight(buf.Bytes(), "\n")...)
}

// UnmarshalJSON reads what MarshalJSON wrote, within the same limits.
func (v *Value) UnmarshalJSON(text []byte) error {
	if len(text) > MaxBytes {
		return fmt.Errorf("value is %d bytes long, at most %d are allowed", len(text), MaxBytes)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	got, err := decode(dec, 0)
	if err != nil {
		return err
	}
	*v = got
	return nil
}

func decode(dec *json.Decoder, depth int) (Value, error) {
	if depth > MaxDepth {
		return Value{}, fmt.Errorf("value is nested deeper than %d", MaxDepth)
	}
	tok, err := dec.Token()
	if err != nil {
		return Value{}, err
	}
	switch tok := tok.(type) {
	case bool:
		return Bool(tok), nil
	case string:
		return String(tok), nil
	case json.Number:
		return number(string(tok))
	case json.Delim:
		if tok == '[' {
			return decodeList(dec, depth)
		}
		return decodeDict(dec, depth)
	}
	return Value{}, nil
}

func number(text string) (Value, error) {
	if strings.ContainsAny(text, ".eE") {
		f, err := strconv.ParseFloat(text, 64)
		return Float(f), err
	}
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return Int(i), nil
	}
	u, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return Value{}, fmt.Errorf("number %.40s is out of range", text)
	}
	return Uint(u), nil
}

func decodeList(dec *json.Decoder, depth int) (Value, error) {
	list := []Value{}
	for dec.More() {
		item, err := decode(dec, depth+1)
		if err != nil {
			return Value{}, err
		}
		list = append(list, item)
	}
	_, err := dec.Token()
	return List(list...), err
}

func decodeDict(dec *json.Decoder, depth int) (Value, error) {
	var entries []Entry
	seen := map[string]bool{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return Value{}, err
		}
		item, err := decode(dec, depth+1)
		if err != nil {
			return Value{}, err
		}
		name := key.(string) // encoding/json answers nothing else for a key
		if seen[name] {
			return Value{}, fmt.Errorf("duplicate key %.40q", name)
		}
		seen[name] = true
		entries = append(entries, Entry{name, item})
	}
	if _, err := dec.Token(); err != nil {
		return Value{}, err
	}
	return special(entries)
}

// special gives the dicts whose key begins with $ their meaning back.
func special(entries []Entry) (Value, error) {
	for i, e := range entries {
		switch {
		case strings.HasPrefix(e.Key, "$$"):
			entries[i].Key = e.Key[1:]
		case !strings.HasPrefix(e.Key, "$"):
		case len(entries) > 1 || e.Value.kind != StringKind:
			return Value{}, fmt.Errorf("unknown value %.40q", e.Key)
		case e.Key == "$secret":
			return Secret(e.Value.str), nil
		case e.Key == "$bytes":
			b, err := base64.StdEncoding.DecodeString(e.Value.str)
			return Bytes(b), err
		default:
			return Value{}, fmt.Errorf("unknown value %.40q", e.Key)
		}
	}
	return Dict(entries...), nil
}

// ErrSecret is returned where a secret must not go: a recovery point, an event.
var ErrSecret = errors.New("a secret cannot be recorded")

// NoSecrets returns [ErrSecret] if v holds one.
func (v Value) NoSecrets() error {
	if v.kind == SecretKind {
		return ErrSecret
	}
	for _, item := range v.list {
		if err := item.NoSecrets(); err != nil {
			return err
		}
	}
	return nil
}
