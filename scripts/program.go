package scripts

import "strings"

// Program is a program that a bundled script runs as a user. What stands in braces in
// User and Path is filled in from the config, never by the script:
//
//	{linux_user}             the key linux_user
//	{command_path|/usr/bin}  the key command_path, or /usr/bin if it is not there
//	{oracle_home}            the setting oracle_home of the workload
//
// So a script that is in the binary brings no permission that the config does not spell
// out: one program of the folder that it names, as the user that it names.
type Program struct{ User, Path string }

// Filled returns p with the words in braces replaced by what value returns for them. It
// is false if one has neither a value nor a default: then nothing is allowed.
func (p Program) Filled(value func(key string) string) (Program, bool) {
	user, knowsUser := filled(p.User, value)
	path, knowsPath := filled(p.Path, value)
	return Program{User: user, Path: path}, knowsUser && knowsPath
}

func filled(text string, value func(key string) string) (string, bool) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{")
		b.WriteString(before)
		if !found {
			return b.String(), true
		}
		word, after, _ := strings.Cut(rest, "}")
		key, usual, _ := strings.Cut(word, "|")
		is := value(key)
		if is == "" {
			is = usual
		}
		if is == "" {
			return "", false
		}
		b.WriteString(is)
		text = after
	}
}
