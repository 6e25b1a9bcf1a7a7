package config

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/starhost/starhost/action"
)

// Settings returns defaults, the dict that a script declares, with texts laid
// over it in the types of the defaults and in their order. File and section say
// where texts are from, for the errors, which are those of [Load].
//
// A bool is true, on, yes, false, off or no; a list is of strings, divided by
// commas, and may be empty. A default of another type (None, a dict, a list of
// something else) cannot be changed from the configuration.
func Settings(texts []Setting, defaults action.Value, file string, section string) (action.Value, error) {
	if k := defaults.Kind(); k != action.DictKind && k != action.None {
		return action.Value{}, fmt.Errorf("the script declares its settings as a %s; make it a dict", k)
	}
	p := problems{file: file}
	given := make(map[string]action.Value, len(texts))
	for _, s := range texts {
		where := Error{Line: s.Line, Section: section, Key: s.Key}
		i := slices.Index(defaults.Keys(), s.Key)
		if i < 0 {
			p.add(where, unknownSetting(defaults.Keys()))
			continue
		}
		if _, twice := given[s.Key]; twice {
			p.add(where, errors.New("duplicate setting; remove one"))
			continue
		}
		v, err := s.as(defaults.Items()[i])
		if err != nil {
			p.add(where, err)
		}
		given[s.Key] = v
	}
	if err := p.err(); err != nil {
		return action.Value{}, err
	}
	entries := make([]action.Entry, len(defaults.Keys()))
	for i, name := range defaults.Keys() {
		v, found := given[name]
		if !found {
			v = defaults.Items()[i]
		}
		entries[i] = action.Entry{Key: name, Value: v}
	}
	return action.Dict(entries...), nil
}

func unknownSetting(known []string) error {
	if len(known) == 0 {
		return errors.New("unknown setting; the script declares none")
	}
	return fmt.Errorf("unknown setting; the script declares %s", strings.Join(known, ", "))
}

// as returns the setting as a value of the type of like.
func (s Setting) as(like action.Value) (action.Value, error) {
	switch {
	case s.Value.IsNone():
		return convert(s.Text, like)
	case s.Value.Kind() != like.Kind():
		return action.Value{}, fmt.Errorf("the script declares a %s, and this is a %s; correct the script", like.Kind(), s.Value.Kind())
	}
	return s.Value, nil
}

// convert reads text as a value of the type of like.
func convert(text string, like action.Value) (action.Value, error) {
	switch like.Kind() {
	case action.BoolKind:
		return convertBool(text)
	case action.IntKind:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return action.Value{}, fmt.Errorf("%s is not an int of 64 bits; write digits", show(text))
		}
		return action.Int(n), nil
	case action.FloatKind:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			return action.Value{}, fmt.Errorf("%s is not a finite float; write a number such as 0.5", show(text))
		}
		return action.Float(f), nil
	case action.StringKind:
		return action.String(text), nil
	case action.ListKind:
		return convertList(text, like)
	}
	return action.Value{}, fmt.Errorf("the script declares a %s, which cannot be changed here; remove the line", like.Kind())
}

func convertBool(text string) (action.Value, error) {
	switch text {
	case "true", "on", "yes":
		return action.Bool(true), nil
	case "false", "off", "no":
		return action.Bool(false), nil
	}
	return action.Value{}, fmt.Errorf("%s is not a bool; write true or false", show(text))
}

func convertList(text string, like action.Value) (action.Value, error) {
	for _, item := range like.Items() {
		if item.Kind() != action.StringKind {
			return action.Value{}, fmt.Errorf("the script declares a list of %s, and only a list of strings can be changed here; remove the line", item.Kind())
		}
	}
	if text == "" {
		return action.List(), nil
	}
	var items []action.Value
	for item := range strings.SplitSeq(text, ",") {
		item = strings.Trim(item, " \t")
		if item == "" {
			return action.Value{}, errors.New("an item of the list is empty; remove the comma")
		}
		items = append(items, action.String(item))
	}
	return action.List(items...), nil
}
