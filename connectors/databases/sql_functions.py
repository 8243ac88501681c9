"""Functions that do more than compute: they write, wait, lock, signal, reach files or run SQL hidden in a string."""

from __future__ import annotations

_POSTGRESQL = """
    nextval setval set_config pg_notify
    query_to_xml query_to_xmlschema query_to_xml_and_xmlschema cursor_to_xml cursor_to_xmlschema ts_stat ts_rewrite
    crosstab crosstab2 crosstab3 crosstab4 crosstabn connectby xpath_table
    pg_stat_file pg_terminate_backend pg_cancel_backend pg_reload_conf pg_rotate_logfile
    pg_switch_wal pg_switch_xlog pg_create_restore_point pg_start_backup pg_stop_backup pg_backup_start pg_backup_stop
    pg_promote pg_wal_replay_pause pg_wal_replay_resume pg_xlog_replay_pause pg_xlog_replay_resume
    pg_create_physical_replication_slot pg_create_logical_replication_slot pg_copy_physical_replication_slot
    pg_copy_logical_replication_slot pg_drop_replication_slot pg_logical_slot_get_changes
    pg_logical_slot_get_binary_changes pg_logical_slot_peek_changes pg_logical_slot_peek_binary_changes
    pg_replication_slot_advance pg_logical_emit_message pg_log_backend_memory_contexts pg_import_system_collations
    pg_prewarm autoprewarm_start_worker autoprewarm_dump_now pg_execute_server_program pg_export_snapshot
    gin_clean_pending_list brin_summarize_new_values brin_summarize_range brin_desummarize_range
    loread lowrite txid_current pg_current_xact_id currtid currtid2
    pg_log_standby_snapshot pg_sync_replication_slots pg_stat_statements_reset
    pg_extension_config_dump pg_set_attribute_stats pg_set_relation_stats
    bt_index_parent_check http query_export_to_s3 table_import_from_s3
"""
_POSTGRESQL_FAMILIES = (
    "pg_read_", "pg_ls_", "pg_file_", "lo_", "dblink", "pg_advisory_", "pg_try_advisory_", "pg_sleep", "pg_stat_reset",
    "pg_replication_origin_", "pg_truncate_", "pg_surgery", "heap_force_", "binary_upgrade_", "postgres_fdw_disconnect",
    "http_", "pg_restore_",
)  # fmt: skip
_MYSQL = """
    sleep benchmark load_file get_lock release_lock release_all_locks is_free_lock is_used_lock nextval setval
    sys_exec sys_eval sys_get sys_set master_pos_wait source_pos_wait master_gtid_wait wait_for_executed_gtid_set
    wait_until_sql_thread_after_gtids service_get_read_locks service_get_write_locks service_release_locks
    lib_mysqludf_sys_info set_firewall_mode mysql_firewall_flush_status read_firewall_users read_firewall_whitelist
    spider_direct_sql spider_bg_direct_sql spider_copy_tables spider_flush_table_mon_cache http_get http_post
"""
_MYSQL_FAMILIES = (
    "asynchronous_connection_failover_", "group_replication_", "audit_log_", "keyring_", "version_tokens_",
    "gen_dictionary_",
    "audit_api_", "mysql_query_attribute_set", "lib_mysqludf_",
)  # fmt: skip
_SQLITE = "load_extension readfile writefile edit fts3_tokenizer fsdir lsdir"
_NAMES = {
    "postgresql": frozenset(_POSTGRESQL.split()),
    "mysql": frozenset(_MYSQL.split()),
    "sqlite": frozenset(_SQLITE.split()),
}
_FAMILIES = {"postgresql": _POSTGRESQL_FAMILIES, "mysql": _MYSQL_FAMILIES, "sqlite": ()}


def side_effect(name: str, connector_type: str) -> bool:
    """Whether calling the function of this name may do more than compute a value."""
    lower = name.lower()
    return lower in _NAMES[connector_type] or lower.startswith(_FAMILIES[connector_type])
