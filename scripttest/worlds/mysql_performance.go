package worlds

import (
	"fmt"

	"github.com/starhost/starhost/action"
)

// The tables of performance_schema that scripts ask, and how they ask.
var (
	myLogStatus = myNormal("SELECT * FROM performance_schema.log_status")
	myGroup     = myNormal("SELECT member_role, member_state FROM performance_schema.replication_group_members WHERE member_id = @@server_uuid")
)

// selectPerformance answers those questions; ok is false for any other.
func (m myCall) selectPerformance(normal string) (a Answer, ok bool) {
	table := map[string]string{myLogStatus: "log_status", myGroup: "replication_group_members"}[normal]
	switch {
	case table == "":
		return Answer{}, false
	case m.product.bit == myMariaDB && normal == myGroup:
		return m.refuse(1193, "server_uuid"), true
	case !m.granted("`performance_schema`.*", "SELECT"):
		return m.refuse(1142, m.user(), table), true
	case m.product.bit&mySQL8 == 0:
		return m.refuse(1146, table), true
	case table == "log_status":
		return m.showLogStatus(), true
	}
	rows := &action.Rows{Columns: []string{"member_role", "member_state"}}
	switch m.group {
	case "":
	case "RECOVERING":
		rows.Rows = [][]action.Value{{action.String("SECONDARY"), action.String(m.group)}}
	default:
		rows.Rows = [][]action.Value{{action.String(m.group), action.String("ONLINE")}}
	}
	return Answer{Rows: rows}, true
}

// showLogStatus writes JSON as MySQL does: shorter names first.
func (m myCall) showLogStatus() Answer {
	if !m.granted("*.*", m.product.needs["backup"]...) {
		return m.lacks("backup")
	}
	local := "{}"
	if m.binlog {
		local = fmt.Sprintf(`{"gtid_executed": %q, "binary_log_file": %q, "binary_log_position": %d}`, m.gtids(), m.logName(m.file), m.position)
	}
	engines := fmt.Sprintf(`{"InnoDB": {"LSN": %d, "LSN_checkpoint": %d}}`, m.lsn, m.flushed-100)
	return Answer{Rows: &action.Rows{
		Columns: []string{"SERVER_UUID", "LOCAL", "REPLICATION", "STORAGE_ENGINES"},
		Rows: [][]action.Value{{
			m.variables["server_uuid"], action.String(local), action.String(`{"channels": []}`), action.String(engines),
		}},
	}}
}

// recoverXA has the transactions that are prepared. Who lacks the privilege of MySQL 8 is
// told of another error; the privilege is named in a warning.
func (m myCall) recoverXA() Answer {
	if needs := m.product.needs["xa"]; needs != nil && !m.granted("*.*", needs...) {
		return m.refuse(1401)
	}
	rows := &action.Rows{Columns: []string{"formatID", "gtrid_length", "bqual_length", "data"}}
	for _, id := range m.prepared {
		rows.Rows = append(rows.Rows, []action.Value{action.Int(1), action.Int(int64(len(id))), action.Int(0), action.String(id)})
	}
	return Answer{Rows: rows}
}
