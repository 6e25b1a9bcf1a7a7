package worlds

import (
	"fmt"

	"github.com/starhost/starhost/action"
)

// options are all that can be chosen: those of the server, then its settings.
func (s *postgres) options() []option[*postgres] {
	all := []option[*postgres]{
		{
			Option{"in_recovery", "it is a standby; from true to false it is promoted", action.Bool(false)},
			func(s *postgres, v action.Value) error {
				if s.standby && !v.Truth() {
					s.timeline++
					s.paused = false
				}
				s.standby = v.Truth()
				return want(v, action.BoolKind)
			},
		},
		{
			Option{"timeline", "number of the timeline", action.Int(1)},
			func(s *postgres, v action.Value) error {
				s.timeline, _ = v.AsInt()
				return want(v, action.IntKind)
			},
		},
		{
			Option{"system_identifier", "of the database cluster", action.String("7591234567890123456")},
			func(s *postgres, v action.Value) error {
				s.system = v.Text()
				return want(v, action.StringKind)
			},
		},
		{
			Option{"tablespaces", "list of their paths", action.List()},
			func(s *postgres, v action.Value) error { return texts(v, &s.spaces) },
		},
		{
			Option{
				"privileges", `list of "superuser", "pg_read_all_settings", "pg_monitor", "pg_checkpoint" and the names of functions that the user may call`,
				action.List(action.String("superuser")),
			},
			func(s *postgres, v action.Value) error { return texts(v, &s.privileges) },
		},
	}
	for _, known := range settingsOf(s.postgresRelease) {
		all = append(all, option[*postgres]{
			Option{known.name, known.doc(), action.String(known.initial)},
			func(s *postgres, v action.Value) error {
				value, err := known.parse(plain(v))
				if err != nil || v.Kind() == action.ListKind || v.Kind() == action.DictKind {
					return fmt.Errorf("%s: %s is no value of this setting", known.name, v)
				}
				s.settings.begin(known.name, value)
				return nil
			},
		})
	}
	return all
}

func postgresOptions(r postgresRelease) []Option {
	return told((&postgres{postgresRelease: r}).options())
}

func want(v action.Value, kind action.ValueKind) error {
	if v.Kind() != kind {
		return fmt.Errorf("got %s, want a %s", v, kind)
	}
	return nil
}

func texts(v action.Value, to *[]string) error {
	*to = nil
	for _, item := range v.Items() {
		if err := want(item, action.StringKind); err != nil {
			return err
		}
		*to = append(*to, item.Text())
	}
	return want(v, action.ListKind)
}

// Set sets an option, or a setting for the whole server. It is not held afterwards.
func (s *postgres) Set(name string, value action.Value) error {
	return setOne(s, "PostgreSQL", s.options(), name, value)
}
