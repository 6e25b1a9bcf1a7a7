package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// scriptRunner is the only plugin of Azure that runs scripts.
const scriptRunner = "ScriptRunner"

// classic is what a VMSnapshotScriptPluginConfig.json says.
type classic struct {
	problems
	keys map[string]int // line of each key

	pluginName, appName     string
	pre, post               string // locations
	preParams, postParams   []string
	preRetries, postRetries int
	timeout, poll           int // seconds
	goOn, freeze            bool
}

// classicKey is one key of the file. set gets the JSON of its value.
type classicKey struct {
	name string
	set  func(c *classic, text json.RawMessage) error
}

// classicKeys are in the order in which they are listed to people. It is never written to.
var classicKeys = []classicKey{
	{"pluginName", jsonText(func(c *classic) *string { return &c.pluginName })},
	{"appName", jsonText(func(c *classic) *string { return &c.appName })},
	{"preScriptLocation", jsonText(func(c *classic) *string { return &c.pre })},
	{"postScriptLocation", jsonText(func(c *classic) *string { return &c.post })},
	{"preScriptParams", jsonTexts(func(c *classic) *[]string { return &c.preParams })},
	{"postScriptParams", jsonTexts(func(c *classic) *[]string { return &c.postParams })},
	{"preScriptNoOfRetries", jsonNumber(0, 100, func(c *classic) *int { return &c.preRetries })},
	{"postScriptNoOfRetries", jsonNumber(0, 100, func(c *classic) *int { return &c.postRetries })},
	{"timeoutInSeconds", jsonNumber(1, maxSeconds, func(c *classic) *int { return &c.timeout })},
	{"continueBackupOnFailure", jsonBool(func(c *classic) *bool { return &c.goOn })},
	{"fsFreezeEnabled", jsonBool(func(c *classic) *bool { return &c.freeze })},
	// Nobody polls here, so it has no effect.
	{"ScriptsExecutionPollTimeSeconds", jsonNumber(1, 5, func(c *classic) *int { return &c.poll })},
}

// parseClassic reads text, the content of the file path.
func parseClassic(path string, text []byte) (*classic, error) {
	c := &classic{
		problems: problems{file: path}, keys: map[string]int{},
		pluginName: scriptRunner, timeout: 30, poll: 3, goOn: true, freeze: true,
	}
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")) // the file often comes from Windows
	if line, err := checkBytes(path, text); err != nil {
		c.add(Error{Line: line, err: IncorrectJSONConfigFile}, err)
		return nil, c.err()
	}
	if at, err := checkJSON(text); err != nil {
		c.add(Error{Line: lineAt(text, at), err: IncorrectJSONConfigFile}, err)
		return nil, c.err()
	}
	c.read(text)
	for _, k := range []scriptKind{prescriptOf, postscriptOf} {
		if c.keys[k.key] == 0 {
			c.add(Error{Line: 1, Key: k.key, err: IncorrectJSONConfigFile}, errors.New("the key is missing; add it with the full path of the script"))
		}
	}
	return c, c.err()
}

// checkJSON returns an error, and where it is, unless text is one object and nothing else.
func checkJSON(text []byte) (at int64, err error) {
	var object map[string]json.RawMessage
	err = json.Unmarshal(text, &object)
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return e.Offset, fmt.Errorf("this is not JSON (%s); correct it, or begin again with the file of Azure", e.Error())
	}
	if err != nil || object == nil {
		return 0, errors.New("the file is no JSON object; begin it with { and end it with }")
	}
	return 0, nil
}

// lineAt is the line of the byte before offset at, which is the one that an error is about.
func lineAt(text []byte, at int64) int {
	return 1 + bytes.Count(text[:max(min(int(at), len(text))-1, 0)], []byte("\n"))
}

// read takes the keys one after the other out of text, which is an object.
func (c *classic) read(text []byte) {
	dec := json.NewDecoder(bytes.NewReader(text))
	_, _ = dec.Token() // the { that begins it
	for dec.More() {
		token, err := dec.Token()
		name, ok := token.(string)
		line := lineAt(text, dec.InputOffset())
		var value json.RawMessage
		if err == nil {
			err = dec.Decode(&value)
		}
		if err != nil || !ok { // it was read as a whole before
			c.add(Error{Line: line, err: IncorrectJSONConfigFile}, fmt.Errorf("this cannot be read: %w", errors.Join(err, io.ErrUnexpectedEOF)))
			return
		}
		if err := c.key(name, line, value); err != nil {
			c.add(Error{Line: line, Key: shownKey(name), err: IncorrectJSONConfigFile}, err)
		}
	}
}

func (c *classic) key(name string, line int, value json.RawMessage) error {
	i := slices.IndexFunc(classicKeys, func(k classicKey) bool { return k.name == name })
	if i < 0 {
		return unknownClassic(name)
	}
	if first := c.keys[name]; first > 0 {
		return fmt.Errorf("duplicate key, the first is in line %d; remove one", first)
	}
	c.keys[name] = line
	return classicKeys[i].set(c, value)
}

func unknownClassic(name string) error {
	names := make([]string, len(classicKeys))
	for i, k := range classicKeys {
		if strings.EqualFold(k.name, name) {
			return fmt.Errorf("unknown key; keys are case-sensitive, write %s", k.name)
		}
		names[i] = k.name
	}
	return fmt.Errorf("unknown key; the keys are %s", strings.Join(names, ", "))
}

// shownKey is a key as far as it may be shown: what is none could be anything.
func shownKey(name string) string {
	if keyForm.matches(name) {
		return name
	}
	return ""
}

func (c *classic) line(key string) int { return max(c.keys[key], 1) }

// fail notes an error of a key.
func (c *classic) fail(key string, err error) {
	c.add(Error{Line: c.line(key), Key: key, err: IncorrectJSONConfigFile}, err)
}

// The functions below return the set of a key that is stored at field.

func jsonText(field func(*classic) *string) func(*classic, json.RawMessage) error {
	return func(c *classic, value json.RawMessage) (err error) {
		*field(c), err = textOf(value)
		return err
	}
}

func jsonTexts(field func(*classic) *[]string) func(*classic, json.RawMessage) error {
	return func(c *classic, value json.RawMessage) error {
		var items []json.RawMessage
		if value[0] != '[' || json.Unmarshal(value, &items) != nil {
			return fmt.Errorf(`got %s, want a list of texts, as in ["a", "b"]`, jsonKind(value))
		}
		list := make([]string, len(items))
		for i, item := range items {
			var err error
			if list[i], err = textOf(item); err != nil {
				return fmt.Errorf("item %d: %w", i+1, err)
			}
			if len(list[i]) > maxArgument {
				return fmt.Errorf("item %d: it has %d bytes, and no argument of a program can have more than %d; put it into a file", i+1, len(list[i]), maxArgument)
			}
		}
		*field(c) = list
		return nil
	}
}

func jsonNumber(least, most int, field func(*classic) *int) func(*classic, json.RawMessage) error {
	return func(c *classic, value json.RawMessage) (err error) {
		if kind := jsonKind(value); kind != "a number" {
			return fmt.Errorf("got %s, want a whole number from %d to %d without quotes", kind, least, most)
		}
		*field(c), err = integer(string(value), least, most)
		return err
	}
}

func jsonBool(field func(*classic) *bool) func(*classic, json.RawMessage) error {
	return func(c *classic, value json.RawMessage) error {
		if kind := jsonKind(value); kind != "a bool" {
			return fmt.Errorf("got %s, want true or false without quotes", kind)
		}
		*field(c) = string(value) == "true"
		return nil
	}
}

// textOf reads a JSON string.
func textOf(value json.RawMessage) (text string, err error) {
	if kind := jsonKind(value); kind != "a text" {
		return "", fmt.Errorf("got %s, want a text in quotes", kind)
	}
	if err := json.Unmarshal(value, &text); err != nil {
		return "", errors.New("this is no text; correct it")
	}
	if halfCharacter(value) {
		return "", errors.New(`there is half a character, such as \ud800 without its other half; correct it`)
	}
	if strings.ContainsRune(text, 0) {
		return "", errors.New("there is a NUL character in the text; remove it")
	}
	return text, nil
}

// maxArgument is the length in bytes of the longest argument that Linux takes.
const maxArgument = 128<<10 - 1

var (
	surrogatePair = regexp.MustCompile(`(?i)\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}`)
	surrogate     = regexp.MustCompile(`(?i)\\ud[89a-f][0-9a-f]{2}`)
)

// halfCharacter reports whether a JSON string has one half of a character that takes
// two \u; the decoder would put another character in its place.
func halfCharacter(value json.RawMessage) bool {
	escapes := bytes.ReplaceAll(value, []byte(`\\`), []byte(" "))
	return surrogate.Match(surrogatePair.ReplaceAll(escapes, nil))
}

// jsonKind names the type of a JSON value.
func jsonKind(value json.RawMessage) string {
	switch value[0] {
	case '"':
		return "a text"
	case '[':
		return "a list"
	case '{':
		return "an object"
	case 't', 'f':
		return "a bool"
	case 'n':
		return "null"
	}
	return "a number"
}
