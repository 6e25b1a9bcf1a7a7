package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// pluginHost is what a VMSnapshotPluginHost.conf says.
type pluginHost struct {
	problems
	keys             map[string]int // line of each key of [pre_post]
	timeout, plugins int
}

// pluginKey is a key about one of the plugins, whose number it ends with.
var pluginKey = regexp.MustCompile(`^(pluginName|pluginPath|pluginConfigPath)([0-9]{1,4})$`)

// loadPluginHost returns the longest timeout of a script that the file at path allows. A
// file that is not there allows what Azure does.
func loadPluginHost(path string) (time.Duration, error) {
	const usual = maxSeconds * time.Second
	text, mode, err := readFile(path, ReadOptions{})
	switch {
	case isMissing(path, err):
		return usual, nil
	case errors.Is(err, errTooLarge):
		return 0, IncorrectPluginhostFile.as(err)
	case err != nil:
		return 0, PluginhostConfigPermission.as(err)
	case mode&0o133 != 0 || mode&0o400 == 0:
		return 0, PluginhostConfigPermission.as(fileError(path, "has the mode %04o; chmod 600 %s", mode, path))
	}
	h := &pluginHost{problems: problems{file: path}, keys: map[string]int{}, timeout: maxSeconds}
	if line, err := checkBytes(path, []byte(strings.ReplaceAll(string(text), "\r\n", "\n"))); err != nil {
		h.fail(line, "", err)
		return 0, h.err()
	}
	h.read(string(text))
	return time.Duration(h.timeout) * time.Second, h.err()
}

// read reads the sections. The section [SnapshotThread] is of no use to Azure either.
func (h *pluginHost) read(text string) {
	section, header := "", 1
	for i, whole := range strings.Split(text, "\n") {
		line := i + 1
		text := strings.TrimSpace(whole)
		switch {
		case text == "", text[0] == '#', text[0] == ';':
		case text == "[pre_post]", text == "[SnapshotThread]":
			section = text
			if text == "[pre_post]" {
				header = line
			}
		case text[0] == '[':
			section = text
			h.fail(line, "", errors.New("unknown section; the sections are [pre_post] and [SnapshotThread]"))
		case section == "[pre_post]":
			h.entry(line, text)
		case section == "":
			h.fail(line, "", errors.New("the line stands before the first section; put it below [pre_post]"))
		}
	}
	switch {
	case h.keys["numberOfPlugins"] == 0:
		h.fail(header, "numberOfPlugins", errors.New("the key is missing, so no script would run; write numberOfPlugins: 1"))
	case h.keys["pluginName0"] == 0:
		h.fail(header, "pluginName0", errors.New("the key is missing; write pluginName0: "+scriptRunner))
	}
}

// entry reads one line "key: value" or "key = value".
func (h *pluginHost) entry(line int, text string) {
	i := strings.IndexAny(text, ":=")
	if i < 0 {
		h.fail(line, "", errors.New("there is no : in this line; write key: value"))
		return
	}
	key, value := strings.TrimSpace(text[:i]), strings.TrimSpace(text[i+1:])
	if first := h.keys[key]; first > 0 {
		h.fail(line, shownKey(key), fmt.Errorf("duplicate key, the first is in line %d; remove one", first))
		return
	}
	h.keys[key] = line
	if err := h.set(key, value); err != nil {
		h.fail(line, shownKey(key), err)
	}
}

func (h *pluginHost) set(key, value string) (err error) {
	switch {
	case key == "timeoutInSeconds":
		h.timeout, err = integer(value, 1, maxSeconds)
		return err
	case key == "numberOfPlugins":
		h.plugins, err = integer(value, 1, 1)
		return err
	}
	m := pluginKey.FindStringSubmatch(key)
	switch {
	case m == nil:
		return errors.New("unknown key; the keys are timeoutInSeconds, numberOfPlugins, pluginName0, pluginPath0 and pluginConfigPath0")
	case m[2] != "0":
		return errors.New("there is one plugin, which has the number 0; remove the line")
	case m[1] != "pluginName":
		return checkPath(value) // where Azure has its program and its file, not where we look
	case value != scriptRunner:
		return fmt.Errorf("%s is a plugin that only Azure can run; write %s", show(value), scriptRunner)
	}
	return nil
}

func (h *pluginHost) fail(line int, key string, err error) {
	h.add(Error{Line: line, Key: key, err: IncorrectPluginhostFile}, err)
}
