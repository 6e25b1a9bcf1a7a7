package config

import (
	"strings"
	"testing"
)

// oracleGood are logins over a network, and what they mean.
var oracleGood = map[string]string{
	"backup/pw@//db:1522/ORCL as sysbackup": "oracle backup/pw@db:1522 db=ORCL privilege=sysbackup",
	"backup/pw@db/orcl.example.com":         "oracle backup/pw@db:1521 db=orcl.example.com",
	"backup@//db/ORCL":                      "oracle backup/@db:1521 db=ORCL",
	"backup/@db/ORCL":                       "oracle backup/@db:1521 db=ORCL",
	"sys/pw@10.0.0.1:1521/ORCL AS  SYSDBA":  "oracle sys/pw@10.0.0.1:1521 db=ORCL privilege=sysdba",
	"c##backup/pw@db/ORCL":                  "oracle c##backup/pw@db:1521 db=ORCL",
	`"Backup"/"p@s/s w'"@//db/ORCL`:         `oracle "Backup"/p@s/s w'@db:1521 db=ORCL`,
	"backup/p/w@db/ORCL":                    "oracle backup/p/w@db:1521 db=ORCL",
	"backup/pw@//[::1]:1522/ORCL":           "oracle backup/pw@::1:1522 db=ORCL",
	"backup/pw@[fe80::1]/ORCL":              "oracle backup/pw@fe80::1:1521 db=ORCL",
	"backup/pw@tcps://db:2484/ORCL":         "oracle backup/pw@db:2484 db=ORCL tls=true",
	"backup/pw@TCP://db/ORCL as sysbackup":  "oracle backup/pw@db:1521 db=ORCL privilege=sysbackup",
	"backup/pw@db/ORCL:dedicated":           "oracle backup/pw@db:1521 db=ORCL",
}

// oracleBad are logins that cannot be honoured, with a part of the message.
var oracleBad = map[string]string{
	"":                                   "no @ with a host",
	"backup/PW":                          "/ alone for a login by the operating system",
	"backup/PW@":                         "no @ with a host",
	"@//db/ORCL":                         "no user",
	"/@//db/ORCL":                        "no user",
	"backup/PW@orcl":                     "a tnsnames.ora is not read",
	"backup/PW@db:1521":                  "a tnsnames.ora is not read",
	"backup/PW@db/":                      "there is no service",
	"backup/PW@db/A)(B":                  "is not a name",
	"backup/PW@x@db/ORCL":                "put the password in double quotes",
	`backup/"PW@db/ORCL`:                 "a quote is not closed",
	`backup/"PW"x@db/ORCL`:               "no user before the @",
	"backup/PW x@db/ORCL":                "no @ with a host",
	"backup/PW@(DESCRIPTION=(ADDRESS=))": "a whole descriptor",
	"backup/PW@db/ORCL?wallet=PW":        "parameters after ?",
	"backup/PW@ldap://db/ORCL":           "tcp or tcps",
	"backup/PW@a,b/ORCL":                 "several hosts",
	"backup/PW@::1/ORCL":                 "in brackets",
	"backup/PW@[::1]x/ORCL":              "in brackets",
	"backup/PW@-db/ORCL":                 "neither a name nor",
	"backup/PW@db:0/ORCL":                "1 to 65535",
	"backup/PW@db:PW/ORCL":               "1 to 65535",
	"backup/PW@db/ORCL:shared":           ":dedicated",
	"backup/PW@db/ORCL:dedicated/inst1":  ":dedicated",
	"backup/PW@db/ORCL/inst1":            ":dedicated",
	"backup/PW@db/ORCL as sysoper":       "as sysbackup or as sysdba",
	"backup/PW@db/ORCL as sysdba PW":     "as sysbackup or as sysdba",
	"backup/PW@db/ORCL PW":               "as sysbackup or as sysdba",
	"backup/PW\x01@db/ORCL":              "control character",
}

func TestOracleCredentials(t *testing.T) {
	for text, want := range oracleGood {
		got, err := oracleCredentials(text)
		if err != nil || spell(got.connection) != want {
			t.Errorf("%s:\ngot  %s, %v\nwant %s", text, spell(got.connection), err, want)
		}
		if got.inText != (got.connection.Password.Reveal() != "") {
			t.Errorf("%s: the password is in the text: %t", text, got.inText)
		}
	}
	for text, want := range oracleBad {
		got, err := oracleCredentials(strings.ReplaceAll(text, "PW", marker))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), marker) {
			t.Errorf("%s: %s, %v; want %s", text, spell(got.connection), err, want)
		}
	}
}

// TestOracleSection has the login in a section of a file.
func TestOracleSection(t *testing.T) {
	for text, want := range map[string]string{
		"credString = backup/pw@//db/ORCL as sysbackup\n":                                        "oracle backup/pw@db:1521 db=ORCL privilege=sysbackup",
		"linux_user = oracle\ncredString = backup/pw@//db/ORCL\n":                                "oracle backup/pw@db:1521 db=ORCL",
		"connection = oracle://backup:pw@db/ORCL?privilege=sysbackup&tls=true&sslrootcert=/ca\n": "oracle backup/pw@db:1521 db=ORCL privilege=sysbackup sslrootcert=/ca tls=true",
		"credString = backup/pw@orcl\n":                                                          "a tnsnames.ora is not read",
		"credString = backup/pw@//db/ORCL\npassword_file = /p\n":                                 "credString holds a password already",
		"credString = backup/pw@//db/ORCL\nconnection = oracle://db/ORCL\n":                      "there is a connection as well",
		"connection = oracle://backup:pw@db\n":                                                   "there is no service",
		"connection = oracle://backup:pw@db/a%29%28b\n":                                          "is not a name",
	} {
		cfg, err := parse("/w.conf", []byte("[workload]\nworkload_name = oracle\n"+text), 0o600, withFiles(nil))
		got := ""
		switch {
		case err != nil:
			got = err.Error()
		case len(cfg.Workloads) == 1:
			got = spell(cfg.Workloads[0].Connection)
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// FuzzOracleCredentials reads any login: it must not panic, no error may repeat a part of it,
// and what comes out can be put in a descriptor.
func FuzzOracleCredentials(f *testing.F) {
	for text := range oracleGood {
		f.Add(text)
	}
	for text := range oracleBad {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, text := range []string{text, "u/" + marker + text, "u/" + marker + "@" + text} {
			got, err := oracleCredentials(text)
			if err != nil {
				if strings.Contains(err.Error(), marker) || strings.ContainsAny(err.Error(), "\n\x00") {
					t.Errorf("%q: %v", text, err)
				}
				continue
			}
			c := got.connection
			if c.User == "" || c.Host == "" || c.Port < 1 || c.Port > 65535 || strings.ContainsAny(c.Database+c.Host, "()=\"' \t,@/") || c.Database == "" {
				t.Errorf("%q: %s", text, spell(c))
			}
		}
	})
}
