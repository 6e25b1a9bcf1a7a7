package config

import (
	"errors"
	"strings"

	"github.com/starhost/starhost/internal/asuser"
)

// local is a login by the operating system: linux_user is the proof.
type local struct {
	user asuser.User
	key  string // that asks for it
}

// loginWords are what may follow the / of a credString, with the privilege they mean.
// Others of Oracle cannot begin a backup, or see what is in the data dictionary views
// about it.
var loginWords = map[string]string{"": "", "as sysbackup": "SYSBACKUP", "as sysdba": "SYSDBA"}

// slashLogin reads the credString of a login by the operating system; is is false for any
// other one.
func slashLogin(text string) (privilege string, is bool, err error) {
	words := strings.Fields(text)
	if len(words) == 0 || words[0] != "/" {
		return "", false, nil
	}
	privilege, known := loginWords[strings.ToLower(strings.Join(words[1:], " "))]
	if !known {
		return "", true, errors.New("after the / there can be as sysbackup or as sysdba, and nothing else; correct it")
	}
	return privilege, true, nil
}

// localOracle settles whether a section means a login by the operating system.
func (b *build) localOracle(sec *section, user asuser.User, fail func(string, error)) (is bool) {
	privilege, slash, err := slashLogin(b.azure.credString)
	several := b.azure.oratab != "" || len(b.instances) > 0
	hasURL := sec.keys["connection"] > 0
	bare := b.azure.credString == "" && !hasURL && (b.ScriptPath == "" || several) // a script of one's own may need no login
	switch {
	case err != nil:
		fail("credString", err)
	case slash && hasURL:
		fail("credString", errors.New("there is a connection as well; remove one of the two"))
	case !slash && !bare && b.azure.oratab != "":
		fail("configuration_path", errors.New("an oratab is for a login by the operating system; remove the line, or the connection or credString"))
	case !slash && !bare && len(b.instances) > 0:
		fail("instances", errors.New("they are for a login by the operating system; write one [workload \"name\"] section for each connection"))
	case !slash && !bare:
		return false
	case b.LinuxUser == "":
		b.fail(sec, &entry{key: "linux_user"}, sec.line, errors.New("the key is missing; add it with the owner of the software, oracle as a rule, as whom sqlplus logs in"))
	case slash && sec.keys["password_file"] > 0:
		fail("password_file", errors.New("a login by the operating system has no password; remove the line"))
	default:
		b.local = &local{user: user, key: "linux_user"}
		if slash {
			b.local.key = "credString"
		}
		if privilege != "" {
			b.setSetting("logon", privilege, sec.keys["credString"])
		}
	}
	return true
}
