package config

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// argument says whether an option has one.
type argument int

const (
	noArgument argument = iota
	optionalArgument
	requiredArgument
)

// clientOption is one option of a command line.
type clientOption struct {
	short    byte // 0 if it has none
	name     string
	argument argument
	as       string // the option that it is another spelling of
	ignored  bool   // it changes what people see, and nothing here
}

var shownOption = formOf(`^[a-z][a-z-]+$`, 41)

// commandLine reads the words of a command line.
type commandLine struct {
	options []clientOption
	set     func(o clientOption, value string, has bool) error
}

// parse returns the words that are no options.
func (p commandLine) parse(list []string) (rest []string, err error) {
	for len(list) > 0 && err == nil {
		word := list[0]
		list = list[1:]
		switch {
		case word == "--":
			return append(rest, list...), nil
		case strings.HasPrefix(word, "--"):
			list, err = p.long(word[2:], list)
		case len(word) > 1 && word[0] == '-':
			list, err = p.short(word[1:], list)
		default:
			rest = append(rest, word)
		}
	}
	return rest, err
}

func (p commandLine) long(word string, list []string) ([]string, error) {
	name, value, has := strings.Cut(word, "=")
	name = strings.ReplaceAll(name, "_", "-")
	i := slices.IndexFunc(p.options, func(o clientOption) bool { return o.name == name })
	if i < 0 {
		return nil, p.unknown(name)
	}
	o := p.options[i]
	switch {
	case o.argument == noArgument && has:
		return nil, fmt.Errorf("option --%s takes no value; remove it", name)
	case o.argument == requiredArgument && !has:
		if len(list) == 0 {
			return nil, fmt.Errorf("option --%s has no value; write one", name)
		}
		value, list, has = list[0], list[1:], true
	}
	return list, p.set(o, value, has)
}

func (p commandLine) short(word string, list []string) ([]string, error) {
	for word != "" {
		i := slices.IndexFunc(p.options, func(o clientOption) bool { return o.short != 0 && o.short == word[0] })
		if i < 0 {
			return nil, p.unknown(word[:1])
		}
		o := p.options[i]
		word = word[1:]
		if o.argument == noArgument {
			if err := p.set(o, "", false); err != nil {
				return nil, err
			}
			continue
		}
		has := word != ""
		if !has && o.argument == requiredArgument {
			if len(list) == 0 {
				return nil, fmt.Errorf("option -%c has no value; write one", o.short)
			}
			word, list, has = list[0], list[1:], true
		}
		return list, p.set(o, word, has)
	}
	return list, nil
}

// unknown names an option, unless it could be something else.
func (p commandLine) unknown(name string) error {
	shown := "an option"
	switch {
	case len(name) == 1 && unicode.IsLetter(rune(name[0])):
		shown = "option -" + name
	case shownOption.matches(name):
		shown = "option --" + name
	}
	for _, o := range p.options {
		if len(name) > 1 && strings.HasPrefix(o.name, name) {
			return fmt.Errorf("%s is cut short; write --%s", shown, o.name)
		}
	}
	if slices.Contains([]string{"defaults-file", "defaults-extra-file", "no-defaults", "login-path"}, name) {
		return fmt.Errorf("%s must stand first, with a = before its value; move it", shown)
	}
	return fmt.Errorf("%s cannot be honoured here; remove it, or write connection in place of credString", shown)
}
