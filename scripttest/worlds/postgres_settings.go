package worlds

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/starhost/starhost/action"
)

// A pgSetting is a parameter of the server that the world knows.
type pgSetting struct {
	name    string
	kind    string // "bool", "text", "int", "ms", "s", "kB", "MB", or the words of an enumeration
	initial string // as the server shows it
	context string // who may set it: "internal", "postmaster", "sighup", "superuser", "user"
	secret  bool   // only pg_read_all_settings may see it
}

// settingsOf returns the settings in order.
func settingsOf(r postgresRelease) []pgSetting {
	checksums := "off"
	if r.major >= 18 {
		checksums = "on"
	}
	return []pgSetting{
		{"server_version", "text", r.version, "internal", false},
		{"server_version_num", "int", numeric(r.version), "internal", false},
		{"data_directory", "text", fmt.Sprintf("/var/lib/postgresql/%d/main", r.major), "postmaster", true},
		{"port", "int", "5432", "postmaster", false},
		{"max_connections", "int", "100", "postmaster", false},
		{"fsync", "bool", "on", "sighup", false},
		{"full_page_writes", "bool", "on", "sighup", false},
		{"synchronous_commit", "local remote_write remote_apply on off", "on", "user", false},
		{"synchronous_standby_names", "text", "", "sighup", false},
		{"wal_level", "minimal replica logical", "replica", "postmaster", false},
		{"wal_segment_size", "text", "16MB", "internal", false},
		{"wal_log_hints", "bool", "off", "postmaster", false},
		{"wal_keep_size", "MB", "0", "sighup", false},
		{"max_wal_size", "MB", "1GB", "sighup", false},
		{"checkpoint_timeout", "s", "5min", "sighup", false},
		{"archive_mode", "always on off", "off", "postmaster", false},
		{"archive_command", "text", "", "sighup", false},
		{"archive_timeout", "s", "0", "sighup", false},
		{"hot_standby", "bool", "on", "postmaster", false},
		{"data_checksums", "bool", checksums, "internal", false},
		{"autovacuum", "bool", "on", "sighup", false},
		{"default_transaction_read_only", "bool", "off", "user", false},
		{"statement_timeout", "ms", "0", "user", false},
		{"lock_timeout", "ms", "0", "user", false},
		{"idle_session_timeout", "ms", "0", "user", false},
		{"idle_in_transaction_session_timeout", "ms", "0", "user", false},
		{"log_min_duration_statement", "ms", "-1", "superuser", false},
		{"work_mem", "kB", "4MB", "user", false},
		{"search_path", "text", `"$user", public`, "user", false},
		{"application_name", "text", "", "user", false},
	}
}

// doc says what a value can be.
func (p pgSetting) doc() string {
	switch p.kind {
	case "text", "int":
		return "setting"
	case "bool":
		return "setting: on or off"
	case "ms", "s", "kB", "MB":
		return "setting, in " + p.kind + " or with a unit"
	}
	return "setting, one of " + strings.Join(strings.Fields(p.kind), ", ")
}

// numeric is 150018 for 15.18.
func numeric(version string) string {
	major, minor, _ := strings.Cut(version, ".")
	return major + fmt.Sprintf("%04s", minor)
}

// units of a kind, from the largest, in its smallest.
var units = map[string][]struct {
	name string
	in   int64
}{
	"ms": {{"d", 86400000}, {"h", 3600000}, {"min", 60000}, {"s", 1000}, {"ms", 1}},
	"s":  {{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}},
	"kB": {{"TB", 1 << 30}, {"GB", 1 << 20}, {"MB", 1 << 10}, {"kB", 1}},
	"MB": {{"TB", 1 << 20}, {"GB", 1 << 10}, {"MB", 1}},
}

var pgBools = map[string]string{
	"on": "on", "true": "on", "yes": "on", "1": "on", "t": "on", "y": "on",
	"off": "off", "false": "off", "no": "off", "0": "off", "f": "off", "n": "off",
}

// parse returns a value as the server shows it.
func (p pgSetting) parse(text string) (string, error) {
	bad := pgError("22023", "invalid value for parameter %q: %q", p.name, text)
	switch p.kind {
	case "text":
		return text, nil
	case "bool":
		if v, ok := pgBools[strings.ToLower(text)]; ok {
			return v, nil
		}
		return "", pgError("22023", "parameter %q requires a Boolean value", p.name)
	case "int", "ms", "s", "kB", "MB":
		return p.quantity(text, bad)
	}
	if text = strings.ToLower(text); slices.Contains(strings.Fields(p.kind), text) {
		return text, nil
	}
	return "", bad
}

// quantity reads a number with a unit and shows it with the largest that divides it.
func (p pgSetting) quantity(text string, bad error) (string, error) {
	digits := len(text) - len(strings.TrimLeft(text, "-0123456789"))
	n, err := strconv.ParseInt(text[:digits], 10, 64)
	if err != nil || n < -1 || n == -1 && p.initial != "-1" {
		return "", bad
	}
	found := text[digits:] == ""
	for _, u := range units[p.kind] {
		if u.name == strings.TrimSpace(text[digits:]) {
			n, found = n*u.in, true
		}
	}
	if !found {
		return "", bad
	}
	for _, u := range units[p.kind] {
		if n > 0 && n%u.in == 0 {
			return strconv.FormatInt(n/u.in, 10) + u.name, nil
		}
	}
	return strconv.FormatInt(n, 10), nil
}

// pgSettings are the settings of the whole server.
type pgSettings struct {
	known []pgSetting       // not written to
	first map[string]string // what they were before any script
	file  map[string]string // what ALTER SYSTEM has written
	now   map[string]string // what holds
}

func newSettings(r postgresRelease) pgSettings {
	return pgSettings{settingsOf(r), map[string]string{}, map[string]string{}, map[string]string{}}
}

func (s *pgSettings) clone() pgSettings {
	return pgSettings{s.known, maps.Clone(s.first), maps.Clone(s.file), maps.Clone(s.now)}
}

// begin makes a value the one that was there at first.
func (s *pgSettings) begin(name, value string) {
	s.first[name], s.now[name] = value, value
	delete(s.file, name)
}

// find returns a setting by its name.
func (s *pgSettings) find(name string) (pgSetting, bool) {
	i := slices.IndexFunc(s.known, func(p pgSetting) bool { return p.name == name })
	if i >= 0 {
		return s.known[i], true
	}
	// Names with a point are everybody's own.
	return pgSetting{name: name, kind: "text", context: "user"}, strings.Contains(name, ".")
}

// load reads the configuration, as on a reload or a start.
func (s *pgSettings) load(start bool) {
	for _, p := range s.known {
		if start || p.context != "postmaster" {
			s.now[p.name] = s.configured(p.name)
		}
	}
}

func (s *pgSettings) configured(name string) string {
	if v, ok := s.file[name]; ok {
		return v
	}
	return s.first[name]
}

// changed returns what a setting is to be given back from; it is the first value if it is not.
func (s *pgSettings) changed(name string) string {
	if v := s.configured(name); v != s.first[name] {
		return v
	}
	return s.now[name]
}

func (s *pgSettings) held() (held []string) {
	for _, p := range s.known {
		if v := s.changed(p.name); v != s.first[p.name] {
			held = append(held, fmt.Sprintf("setting %s = %s, was %s", p.name, v, s.first[p.name]))
		}
	}
	return held
}

func (s *pgSettings) drop(held string) {
	for _, p := range s.known {
		if strings.HasPrefix(held, "setting "+p.name+" = ") {
			s.begin(p.name, s.first[p.name])
		}
	}
}

// setting returns the value of a setting for a session; not there if it has none.
func (c *pgCall) setting(name string) (string, error) {
	name = strings.ToLower(name)
	p, ok := c.settings.find(name)
	value, set := c.session.value(name)
	switch {
	case !ok:
		return "", errUnknown // the server has many more
	case strings.Contains(name, ".") && !set:
		return "", pgError("42704", "unrecognized configuration parameter %q", name)
	case p.secret && !c.may("pg_read_all_settings"):
		return "", pgError(pgForbidden, "permission denied to examine %q", name)
	case set:
		return value, nil
	case name == "archive_command" && c.settings.now["archive_mode"] == "off":
		return "(disabled)", nil
	}
	return c.settings.now[name], nil
}

// value is what a session has set.
func (s *pgSession) value(name string) (string, bool) {
	if s.tx != nil {
		if v, ok := s.tx.local[name]; ok {
			return v, true
		}
	}
	v, ok := s.set[name]
	return v, ok
}

// assign sets a setting for a session, or for its transaction.
func (c *pgCall) assign(name, text string, local bool) (string, error) {
	name = strings.ToLower(name)
	p, ok := c.settings.find(name)
	if !ok {
		return "", errUnknown
	}
	value, err := p.parse(text)
	switch {
	case err != nil:
		return "", err
	case p.context == "internal", p.context == "postmaster", p.context == "sighup":
		return "", pgError("55P02", "parameter %q cannot be changed now", name)
	case p.context == "superuser" && !c.may("superuser"):
		return "", pgError(pgForbidden, "permission denied to set parameter %q", name)
	case !local:
		c.session.set[name] = value
	case c.session.tx != nil:
		c.session.tx.local[name] = value
	}
	return value, nil
}

// pgForbidden is insufficient_privilege.
const pgForbidden = "42501"

func pgError(code, format string, args ...any) error {
	return &refusal{code: action.String(code), message: code + ": " + fmt.Sprintf(format, args...)}
}
