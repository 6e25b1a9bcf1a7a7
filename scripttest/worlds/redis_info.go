package worlds

import (
	"fmt"
	"strings"
)

// information is INFO: the sections that a script can make something of, with all
// fields of the real server, which ends its lines as its protocol does.
func (s *redis) information() string {
	var b strings.Builder
	for _, section := range []struct {
		name   string
		fields [][2]string
	}{
		{"Server", s.serverFields()},
		{"Clients", s.clientFields()},
		{"Persistence", s.persistenceFields()},
		{"Replication", s.replicationFields()},
		{"Cluster", [][2]string{{"cluster_enabled", digit(s.cluster)}}},
	} {
		fmt.Fprintf(&b, "# %s\r\n", section.name)
		for _, f := range section.fields {
			fmt.Fprintf(&b, "%s:%s\r\n", f[0], f[1])
		}
		b.WriteString("\r\n")
	}
	return b.String()
}

func digit(yes bool) string {
	if yes {
		return "1"
	}
	return "0"
}

func (s *redis) serverFields() [][2]string {
	mode := "standalone"
	switch {
	case s.sentinel:
		mode = "sentinel"
	case s.cluster:
		mode = "cluster"
	}
	fields := [][2]string{{"redis_version", s.version}}
	if s.valkey != "" {
		fields = append(fields, [2]string{"server_name", "valkey"}, [2]string{"valkey_version", s.valkey})
	}
	return append(
		fields, [][2]string{
			{"redis_git_sha1", "00000000"},
			{"redis_git_dirty", "0"},
			{"redis_build_id", "ae4d7c971a948f0"},
			{"redis_mode", mode},
			{"os", "Linux 6.1.0 x86_64"},
			{"arch_bits", "64"},
			{"monotonic_clock", "POSIX clock_gettime"},
			{"multiplexing_api", "epoll"},
			{"atomicvar_api", "c11-builtin"},
			{"gcc_version", "12.2.0"},
			{"process_id", fmt.Sprint(700 + s.life)},
			{"process_supervised", "no"},
			{"run_id", fmt.Sprintf("%040x", 0x5eed0+s.life)},
			{"tcp_port", "6379"},
			{"server_time_usec", "1767323045000000"},
			{"uptime_in_seconds", "100"},
			{"uptime_in_days", "0"},
			{"hz", "10"},
			{"configured_hz", "10"},
			{"lru_clock", "1"},
			{"executable", "/usr/bin/redis-server"},
			{"config_file", "/etc/redis/redis.conf"},
			{"io_threads_active", "0"},
		}...,
	)
}

func (s *redis) clientFields() [][2]string {
	fields := [][2]string{
		{"connected_clients", "1"},
		{"cluster_connections", "0"},
		{"maxclients", "10000"},
		{"client_recent_max_input_buffer", "0"},
		{"client_recent_max_output_buffer", "0"},
		{"blocked_clients", "0"},
		{"tracking_clients", "0"},
		{"clients_in_timeout_table", "0"},
	}
	if s.valkey == "" {
		return fields // who is paused is nowhere
	}
	reason, actions, ms := "none", "none", "0"
	if s.paused {
		reason, actions, ms = "client_pause", "write", "100000"
	}
	return append(fields, [2]string{"paused_reason", reason}, [2]string{"paused_actions", actions}, [2]string{"paused_timeout_milliseconds", ms})
}

func (s *redis) persistenceFields() [][2]string {
	fields := [][2]string{
		{"loading", digit(s.loading)},
		{"async_loading", "0"},
		{"current_cow_peak", "0"},
		{"current_cow_size", "0"},
		{"current_cow_size_age", "0"},
		{"current_fork_perc", "0.00"},
		{"current_save_keys_processed", "0"},
		{"current_save_keys_total", "0"},
		{"rdb_changes_since_last_save", fmt.Sprint(s.dirty)},
		{"rdb_bgsave_in_progress", digit(s.saving > 0)},
		{"rdb_last_save_time", fmt.Sprint(s.lastSave)},
		{"rdb_last_bgsave_status", s.saveStatus},
		{"rdb_last_bgsave_time_sec", "-1"},
		{"rdb_current_bgsave_time_sec", "-1"},
		{"rdb_saves", fmt.Sprint(s.saves)},
		{"rdb_last_cow_size", "0"},
		{"rdb_last_load_keys_expired", "0"},
		{"rdb_last_load_keys_loaded", "0"},
		{"aof_enabled", digit(s.appendonly)},
		{"aof_rewrite_in_progress", digit(s.rewriting > 0)},
		{"aof_rewrite_scheduled", "0"},
		{"aof_last_rewrite_time_sec", "-1"},
		{"aof_current_rewrite_time_sec", "-1"},
		{"aof_last_bgrewrite_status", s.rewriteStatus},
		{"aof_rewrites", fmt.Sprint(s.rewrites)},
		{"aof_rewrites_consecutive_failures", "0"},
		{"aof_last_write_status", s.aofStatus},
		{"aof_last_cow_size", "0"},
		{"module_fork_in_progress", "0"},
		{"module_fork_last_cow_size", "0"},
	}
	if !s.appendonly {
		return fields
	}
	buffer := int64(0)
	if s.paused && s.unwrittens > 0 {
		buffer = 27
	}
	return append(
		fields, [][2]string{
			{"aof_current_size", fmt.Sprint(s.aofSize)},
			{"aof_base_size", fmt.Sprint(s.aofBase)},
			{"aof_pending_rewrite", "0"},
			{"aof_buffer_length", fmt.Sprint(buffer)},
			{"aof_pending_bio_fsync", "0"},
			{"aof_delayed_fsync", "0"},
		}...,
	)
}

func (s *redis) replicationFields() [][2]string {
	fields := [][2]string{{"role", s.role}}
	if s.role == "slave" {
		fields = append(fields, [][2]string{
			{"master_host", "192.0.2.7"},
			{"master_port", "6379"},
			{"master_link_status", s.link},
			{"master_last_io_seconds_ago", "1"},
			{"master_sync_in_progress", "0"},
			{"slave_read_repl_offset", "4200"},
			{"slave_repl_offset", "4200"},
			{"slave_priority", "100"},
			{"slave_read_only", "1"},
			{"replica_announced", "1"},
		}...)
	}
	return append(
		fields, [][2]string{
			{"connected_slaves", "0"},
			{"master_failover_state", "no-failover"},
			{"master_replid", "29403442214b385defbdd8d74020c2e53a9a6edf"},
			{"master_replid2", strings.Repeat("0", 40)},
			{"master_repl_offset", "4200"},
			{"second_repl_offset", "-1"},
			{"repl_backlog_active", "0"},
			{"repl_backlog_size", "1048576"},
			{"repl_backlog_first_byte_offset", "0"},
			{"repl_backlog_histlen", "0"},
		}...,
	)
}
