package config

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// FuzzCredString reads any credString: it must not panic, and no error may repeat a
// value.
func FuzzCredString(f *testing.F) {
	for _, c := range azureGood {
		if _, text, found := strings.Cut(c.text, "credString = "); found {
			text, _, _ = strings.Cut(text, "\n")
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := client{user: "me", home: "/home/me", files: mapFiles{}, warn: func(string) {}}
		for _, got := range []func() (credentials, error){
			func() (credentials, error) { return mysqlCredentials(text, c, false) },
			func() (credentials, error) { return mysqlCredentials(text, c, true) },
			func() (credentials, error) { return psqlCredentials(text, c) },
			func() (credentials, error) {
				return mysqlCredentials("--password="+shellQuoted(marker)+" "+text, c, false)
			},
		} {
			cred, err := got()
			if err != nil {
				if strings.Contains(err.Error(), marker) || strings.ContainsAny(err.Error(), "\n\x00") {
					t.Errorf("%q: %v", text, err)
				}
				continue
			}
			if cred.connection.User == "" || cred.connection.Port < 1 || (cred.connection.Host == "") == (cred.connection.Socket == "") {
				t.Errorf("%q: %s", text, spell(cred.connection))
			}
		}
	})
}

func shellQuoted(text string) string { return "'" + text + "'" }

// FuzzOptionFile reads any option file: it must not panic, and its error names a line.
func FuzzOptionFile(f *testing.F) {
	for _, c := range azureGood {
		for _, name := range slices.Sorted(maps.Keys(c.files)) {
			f.Add(c.files[name])
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := client{user: "me", home: "/home/me", files: mapFiles{"/etc/my.cnf": text, "/home/me/.pg_service.conf": text, "/home/me/.pgpass": text}, warn: func(string) {}}
		if strings.HasPrefix(text, "mode ") {
			return // of the test's own
		}
		_, err := mysqlCredentials("", c, true)
		if err != nil && len(text) > 0 && strings.Contains(err.Error(), "\n") {
			t.Errorf("%q", err)
		}
		_, _ = psqlCredentials("service=s", c)
	})
}

// TestConninfoAgrees reads connection strings as pgx does.
func TestConninfoAgrees(t *testing.T) {
	for _, text := range []string{
		"host=h port=5433 user=u password=p dbname=d",
		`host = h  port= 5433 user ='a b' password='it\'s' dbname=x\ y`,
		`host=/run/pg user=u password=a\\b dbname=''`,
		"postgres://u:p@h:5433/d",
		"postgresql://u%20x:p%2F%3a@[::1]:5433/d%20e?connect_timeout=3",
		"postgres://u@h/d?host=i&port=5434&user=v&password=q",
		"postgres://u@h",
	} {
		want, err := pgconn.ParseConfig(text + map[bool]string{true: "", false: " sslmode=disable"}[isPostgresURI(text)])
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		got, err := psqlCredentials(text, client{user: "me", home: "/home/me", files: mapFiles{}})
		c := got.connection
		if err != nil || c.Host+c.Socket != want.Host || c.Port != int(want.Port) || c.User != want.User || c.Password.Reveal() != want.Password || c.Database != want.Database {
			t.Errorf("%s:\ngot  %s, %v\nwant %s/%s@%s:%d db=%s", text, spell(c), err, want.User, want.Password, want.Host, want.Port, want.Database)
		}
	}
}
