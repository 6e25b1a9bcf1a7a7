package stmt

// postgresReads are functions of pg_catalog that only read, whatever their
// volatility says, and take no text that is executed as SQL (query_to_xml,
// ts_stat). Those that read files of the server are not here. Some versions lack
// some of them, and an overload in another schema can stand before any of them;
// only pg_catalog.version() is always the server's.
//
// Source: chapter "Functions and Operators" of the PostgreSQL manual, 9.6 to 18.
var postgresReads = words(
	// aggregates and windows
	`array_agg avg bit_and bit_or bool_and bool_or count every json_agg json_object_agg jsonb_agg jsonb_object_agg max
	min mode percentile_cont percentile_disc stddev stddev_pop stddev_samp string_agg sum var_pop var_samp variance
	cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number`,
	// strings
	`ascii bit_length btrim char_length character_length chr concat concat_ws convert_from convert_to decode encode
	format initcap left length lower lpad ltrim md5 octet_length quote_ident quote_literal quote_nullable regexp_match
	regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table repeat replace reverse right rpad rtrim
	sha256 split_part starts_with strpos substr to_char to_date to_hex to_number to_timestamp translate upper`,
	// numbers
	`abs cbrt ceil ceiling degrees div exp floor ln log mod pi power radians random round sign sqrt trunc width_bucket`,
	// dates
	`age clock_timestamp date_bin date_part date_trunc isfinite justify_days justify_hours justify_interval make_date
	make_interval make_time make_timestamp make_timestamptz now statement_timestamp timeofday transaction_timestamp`,
	// arrays, JSON, sets
	`array_append array_cat array_length array_lower array_position array_remove array_to_string array_upper cardinality
	string_to_array unnest generate_series generate_subscripts json_array_elements json_array_elements_text
	json_array_length json_build_array json_build_object json_each json_each_text json_extract_path
	json_extract_path_text json_object json_object_keys json_typeof jsonb_array_elements jsonb_array_elements_text
	jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text jsonb_extract_path
	jsonb_extract_path_text jsonb_object jsonb_object_keys jsonb_pretty jsonb_typeof row_to_json to_json to_jsonb`,
	// the session and the server
	`col_description current_database current_query current_schema current_schemas current_setting
	format_type has_any_column_privilege has_column_privilege has_database_privilege has_function_privilege
	has_parameter_privilege has_schema_privilege has_server_privilege has_table_privilege has_tablespace_privilege
	inet_client_addr inet_client_port inet_server_addr inet_server_port obj_description pg_backend_pid
	pg_blocking_pids pg_client_encoding pg_conf_load_time pg_encoding_to_char pg_get_constraintdef pg_get_expr
	pg_get_functiondef pg_get_indexdef pg_get_ruledef pg_get_triggerdef pg_get_userbyid pg_get_viewdef pg_has_role
	pg_is_other_temp_schema pg_jit_available pg_my_temp_schema pg_notification_queue_usage pg_postmaster_start_time
	pg_safe_snapshot_blocking_pids pg_table_is_visible pg_typeof shobj_description to_regclass to_regnamespace to_regproc
	to_regrole to_regtype txid_current_if_assigned pg_current_xact_id_if_assigned txid_current_snapshot
	pg_current_snapshot version`,
	// sizes and places
	`pg_column_size pg_database_size pg_indexes_size pg_relation_filenode pg_relation_filepath pg_relation_size
	pg_size_bytes pg_size_pretty pg_table_size pg_tablespace_databases pg_tablespace_location pg_tablespace_size
	pg_total_relation_size pg_ls_waldir pg_ls_archive_statusdir`,
	// backup, WAL, recovery, replication
	`pg_backup_start_time pg_is_in_backup pg_control_checkpoint pg_control_init pg_control_recovery pg_control_system
	pg_current_wal_flush_lsn pg_current_wal_insert_lsn pg_current_wal_lsn pg_current_xlog_flush_location
	pg_current_xlog_insert_location pg_current_xlog_location pg_get_wal_replay_pause_state pg_get_replication_slots
	pg_is_in_recovery pg_is_wal_replay_paused pg_is_xlog_replay_paused pg_last_committed_xact pg_last_wal_receive_lsn
	pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_last_xlog_receive_location pg_last_xlog_replay_location
	pg_split_walfile_name pg_wal_lsn_diff pg_walfile_name pg_walfile_name_offset pg_xlog_location_diff pg_xlogfile_name
	pg_xlogfile_name_offset pg_xact_commit_timestamp`,
	// statistics
	`pg_lock_status pg_stat_get_activity pg_stat_get_archiver pg_stat_get_progress_info pg_stat_get_wal
	pg_stat_get_wal_receiver pg_stat_get_wal_senders`,
)
