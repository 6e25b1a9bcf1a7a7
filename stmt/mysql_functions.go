package stmt

// mysqlReads are functions that only read and are built into every supported
// server. A name that is built into some of them only (json_extract, row_number,
// regexp_like; md5 and sha1, which MySQL 9.6 moved to a component) is not here: in
// the others it is a stored function of whoever created one.
//
// Sources: MySQL 8.0 sql/item_create.cc and the chapter "Functions and Operators" of
// the MySQL manual; MariaDB 10.11 knows every one of them (measured: none ends
// with error 1305).
var mysqlReads = words(
	// aggregates
	`avg bit_and bit_or bit_xor count group_concat max min std stddev stddev_pop stddev_samp sum var_pop var_samp
	variance`,
	// choice
	`coalesce greatest if ifnull isnull least nullif`,
	// strings
	`ascii bin bit_count bit_length cast char char_length character_length charset coercibility collation concat
	concat_ws convert elt export_set field find_in_set format from_base64 hex insert instr lcase left length locate
	lower lpad ltrim make_set mid oct octet_length ord position quote repeat replace reverse right rpad rtrim sha2
	soundex space strcmp substr substring substring_index to_base64 trim ucase unhex upper`,
	// numbers
	`abs acos asin atan atan2 ceil ceiling conv cos cot crc32 degrees exp floor ln log log10 log2 mod pi pow power
	radians rand round sign sin sqrt tan truncate`,
	// dates
	`adddate addtime convert_tz curdate current_date current_time current_timestamp curtime date date_add date_format
	date_sub datediff day dayname dayofmonth dayofweek dayofyear extract from_days from_unixtime get_format hour
	last_day localtime localtimestamp makedate maketime microsecond minute month monthname now period_add period_diff
	quarter sec_to_time second str_to_date subdate subtime sysdate time time_format time_to_sec timediff timestamp
	timestampadd timestampdiff to_days to_seconds unix_timestamp utc_date utc_time utc_timestamp week weekday
	weekofyear year yearweek`,
	// the session and the server
	`connection_id current_user database found_rows is_free_lock is_used_lock row_count schema session_user
	system_user user uuid version`,
	// addresses
	`inet6_aton inet6_ntoa inet_aton inet_ntoa is_ipv4 is_ipv6`,
)
