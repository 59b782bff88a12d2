"""What each finding did before it was mended, as a change of a few lines, and the test that fails with it.

A row: name; what is put back; the test's program and the name of the test in it; the changes, each a file, the lines as they are, and the
lines as they were, in effect. The lines stand once in the file, else the change is of the first place. LEFT_OUT says why a finding has no row.
The faults of the core, A1 to A12, come from tests/sim/planted/planted_faults, where the simulator looks for them too; here their tests do.
"""

# Faults of planted_faults: the test of each, and perhaps what has to change besides.
OF_THE_SIMULATOR = {
    "A1": ("test_sessions_meet", "a1_successor_of_a_reset_session_is_served_from_its_own_bytes", [
        ("common/core/step.c", "if (lubdub_session_state(step->session) < LUBDUB_SESSION_LEAVING) {\n            came =",
         "if (lubdub_session_state(step->session) <= LUBDUB_SESSION_LEAVING) {\n            came =")]),  # the session that is replaced has left
    "A2": ("test_sessions_meet", "a2_resets_at_once_enter_no_callback_from_inside_a_send"),
    "A3": ("test_session_adaptive", "a3_client_whose_frame_is_arriving_is_not_hung"),
    "A4": ("test_session_client", "a4_client_goes_on_reading_while_up_to_16_of_its_answers_wait"),
    "A5": ("test_session_client", "a5_server_that_takes_nothing_for_one_timeout_and_says_nothing_is_hung"),
    "A6": ("test_evidence", "a6_cut_path_is_seen_by_a_client_whose_syn_was_sent_twice"),
    "A7": ("test_evidence", "a7_messages_under_way_are_no_silence"),
    "A8": ("test_session_server", "a8_silent_peer_expires_in_time_also_while_output_waits"),
    "A9": ("test_session_messages", "a9_bye_that_came_before_a_reset_is_told_also_where_output_waits"),
    "A11": ("test_session_server", "a11_probes_under_way_at_a_regrant_are_none_of_the_new_grant"),
    "A12a": ("test_session_server", "a12_credit_survives_a_regrant"),
    "A12b": ("test_session_server", "a12_frame_that_ends_the_session_is_not_told_as_a_recovery"),
    "A12c": ("test_evidence", "a12_first_challenge_counts_from_when_it_went_beside_a_second"),
}

FINDINGS = [
    ("A10", "the session whose callback runs is not forgiven an absence", "test_absences",
     "a10_pause_in_a_message_is_forgiven_to_its_own_session", [
         ("common/ev/reactor.c", "    if (reactor->step != NULL) {", "    if (false) {")]),
    ("A13a", "the first sockets of a turn are served, and the last ones put off", "test_reactor",
     "a13_socket_that_has_waited_longest_is_served_among_dear_ones", [
         ("common/ev/reactor.c", "    if (serving->were_dear && ready > fit) {", "    if (false) {")]),
    ("A13b", "the shortest patience stays when a reload turns adapting on", "test_absences",
     "a13_absences_are_measured_by_the_patience_of_a_reload", [
         ("server/library/worker.c", "    lubdub_reactor_renew_patience(worker->group.reactor);", "    ;")]),
    ("A14", "a peer whose frame is arriving over a slow path is hung", "test_session_adaptive",
     "a14_client_whose_frame_is_arriving_expires_in_time_and_is_unreachable", [
         ("common/core/session_shared.h", "turn->path == LUBDUB_PATH_SILENT || lubdub_session_gets_bytes(",
          "turn->path == LUBDUB_PATH_SILENT || false & lubdub_session_gets_bytes(")]),
    ("A15", "the size of settings is not read", "test_sized",
     "a15_size_that_no_initialiser_gave_is_refused_and_not_read_up_to", [
         ("common/core/sized.c", "    if (size < least || size > LARGEST) {\n        return false;",
          "    if (size < least || size > LARGEST) {\n        return true;")]),
    ("B1a", "a mailbox has no bound", "test_server_turns", "b1_message_for_a_full_mailbox_is_dropped_and_counted", [
        ("server/library/mailbox.c", "    has_room = letters->bytes + size <= LUBDUB_MAILBOX_LIMIT;", "    has_room = true;")]),
    ("B1b", "control letters wait behind messages", "test_server_turns", "b1_disconnect_overtakes_messages", [
        ("server/library/mailbox.c", "    return is_data ? &mailbox->data : &mailbox->control;",
         "    return is_data ? &mailbox->data : &mailbox->data;")]),
    ("B1c", "new settings wait behind messages", "test_server_turns", "b1_new_settings_overtake_messages", [
        ("server/library/worker.c", "    if ((orders & LUBDUB_ORDER_RULES) != 0) {\n        take_rules(worker);",
         "    if ((orders & LUBDUB_ORDER_RULES) != 0) {\n"
         "        if (worker->mailbox.data.first != NULL) {\n"
         "            lubdub_mailbox_order(&worker->mailbox, LUBDUB_ORDER_RULES);\n"
         "            return true;\n        }\n        take_rules(worker);")]),
    ("B1d", "a drain's patience counts from the turn in which it is heard of", "test_server_turns",
     "b1_patience_of_a_drain_counts_from_the_call", [
         ("server/library/drain.c", "        set_patience(worker, patience_ends);\n    } else",
          "        set_patience(worker, patience_ends + LUBDUB_SECOND);\n    } else")]),
    ("B2", "a turn has a budget for each broadcast, not one for all", "test_server_turns",
     "b2_turn_has_one_budget_for_all_broadcasts", [
         ("server/library/letters.c", "        return lubdub_worker_broadcast(worker, letter, budget);",
          "        *budget = lubdub_budget_new();\n        return lubdub_worker_broadcast(worker, letter, budget);")]),
    ("B3a", "one session may have as many events told as it likes", "test_budget",
     "finding_b3_session_that_toggles_its_health_is_told_a_few_times_a_second", [
         ("server/program/budget.c", "[HEALTH] = {LUBDUB_SERVER_HEALTH, 10,", "[HEALTH] = {LUBDUB_SERVER_HEALTH, 1000000,")]),
    ("B3b", "no room is kept for the events of lives", "test_event_store", "finding_b3_lower_ranks_leave_room_for_the_first", [
        ("common/program/events/store.c", "return store->capacity / LUBDUB_EVENT_STORE_LEFT_BY_THIRD;", "return 0;")]),
    ("B4a", "an allowance is renewed by connecting again", "test_server_newcomers",
     "b4_credit_survives_no_reconnection_of_an_identity", [
         ("server/library/door.c", "    if (debts->count == 0) {", "    if (true) {")]),
    ("B4b", "a burst is as long as the client asks for", "test_rate_limit", "b4_burst_is_4096_at_the_most", [
        ("common/core/rate_limit.c", "    return (uint32_t)(twice > most ? most : twice);",
         "    return (uint32_t)(most > 0 ? twice : most);")]),
    ("B5", "a token is compared with each that is known", "test_tokens", "b5_many_tokens_cost_no_more_than_one", [
        ("server/library/tokens.c", "    hash(tokens->key, token, digest);\n    for (",
         "    for (slot = 0; slot < tokens->capacity; slot++) {\n        hash(tokens->key, token, digest);\n    }\n    for (")]),
    ("B6a", "settings of size 0 are taken, and each field ignored", "test_server",
     "b6_settings_without_their_initialiser_are_refused", [
         ("server/library/rules.c",
          "    if (!lubdub_sized_take(own, sizeof *own, settings, offsetof(struct lubdub_server_settings, workers))) {",
          "    if (!lubdub_sized_take(own, sizeof *own, settings, offsetof(struct lubdub_server_settings, workers)) &&\n"
          "        settings->size != 0) {")]),
    ("B6b", "an empty token lets in whoever sends none", "test_server", "tokens_that_let_in_everybody_or_nobody_are_refused", [
        ("server/library/rules.c", "tokens[i].data == NULL || tokens[i].length == 0 ||", "")]),
    ("B7a", "clients may take the last descriptors", "test_server_newcomers",
     "b7_clients_leave_descriptors_in_reserve_and_d10_all_are_told", [
         ("server/library/listener.c", "#define RESERVE 8", "#define RESERVE 0")]),
    ("B7b", "all refused connections linger", "test_server_newcomers", "b7_of_many_that_are_refused_few_linger", [
        ("server/library/door.c", "    return share < MOST_TURNED_AWAY ? share : MOST_TURNED_AWAY;",
         "    return share < MOST_TURNED_AWAY ? UINT32_MAX : UINT32_MAX;")]),
    ("B8", "IPv6 is counted by the whole address", "test_address_counts", "b8_ipv6_is_counted_by_its_prefix", [
        ("common/ev/address.c", "    size_t whole = ipv6_bits / 8;\n", "    size_t whole = (ipv6_bits = 128) / 8;\n")]),
    ("B9", "grace goes on during an absence in which worker 0 has no session", "test_absences",
     "b9_grace_stands_still_while_we_are_away_without_a_session", [
         ("server/library/grace.c",
          "        lubdub_reactor_expect(worker->group.reactor,\n"
          "                              lubdub_time_after(lubdub_clock_now(), lubdub_time_between(now, deadline)),\n"
          "                              lubdub_worker_settings(worker)->grace);\n", "")]),
    ("B10", "a failed listen() leaves the other family bound", "test_server_newcomers",
     "b10_listening_that_failed_leaves_nothing_bound", [
         ("server/library/server.c", "    if (error != LUBDUB_ERROR_OK) {\n        unbind(server, before);\n    }\n    return error;\n}\n\n"
          "static enum lubdub_error adopt_listener(", "    (void)before;\n    return error;\n}\n\nstatic enum lubdub_error adopt_listener(")]),
    ("B11", "free inside a callback is over while another worker's callback runs", "test_server_turns",
     "b11_user_data_may_go_with_on_freed", [
         ("server/library/server.c", "        server->is_doomed = true; /* one of its callbacks is running */\n",
          "        server->is_doomed = true;\n        if (server->on_freed != NULL) {\n            server->on_freed(server->user_data);\n"
          "            server->on_freed = NULL;\n        }\n")]),
    ("B12", "a newcomer begins before the end of the session that it replaces is told", "test_server_identities",
     "b12_end_of_the_old_session_is_told_before_the_beginning_of_the_new_one", [
         ("server/library/identities.c",
          "        take(worker, record, holder->peer->follows != FOLLOWS_NOBODY ? holder->peer->follows : place, claim);",
          "        take(worker, record, FOLLOWS_NOBODY, claim);"),
         ("server/library/door.c", "    case LUBDUB_CLAIM_GRANTED:\n        begin_session(worker, record, &claim.past);\n",
          "    case LUBDUB_CLAIM_GRANTED:\n        begin_session(worker, record, &claim.past);\n"
          "        if (claim.holder != 0) {\n            replace(worker, claim.holder);\n        }\n")]),
    ("B13a", "on a tie the HELLO that is processed later wins", "test_server_identities",
     "b13_on_a_tie_the_connection_that_was_accepted_later_wins", [
         ("server/library/identities.c", "    return (int32_t)(newcomer->accepted - holder->accepted) > 0; /* it goes round */",
          "    return true;")]),
    ("B13b", "the HELLO of a connection that has ended takes an identity over", "test_server_identities",
     "b13_hello_of_a_connection_that_has_ended_takes_over_nobody", [
         ("server/library/identities.c", "    if (lubdub_socket_has_ended(record->link.io.fd)) {",
          "    if (false) {")]),
    ("B14a", "an identity may look like other fields of an event", "test_escape",
     "finding_b14_name_that_could_be_read_as_a_field_is_quoted", [
         ("common/program/events/escape.c", "        if (size == 0 || !is_part_of_a_name(point)) {",
          "        if (size == 0 || (false && !is_part_of_a_name(point))) {")]),
    ("B14b", "an identity may be invisible", "test_utf8", "b14_what_cannot_be_seen_is_found", [
        ("common/core/utf8.c", "        if (is_invisible(code)) {", "        if (false && is_invisible(code)) {")]),
    ("B15", "a comment in the token file is a token", "test_token_file", "b15_comments_blanks_and_patterns_are_what_they_look_like", [
        ("common/program/settings/token_file.c", "    if (line->length > 0 && line->data[0] == '#') {", "    if (false) {")]),
    ("B16", "identities in grace have no bound", "test_departed", "b16_twice_the_limit_is_never_passed", [
        ("server/library/departed.c", "    is_too_many = grace_until != 0 && departed->away.count / 2 >= away_limit;",
         "    is_too_many = false && away_limit > 0;")]),
    ("B17", "a send overtakes a broadcast of the same callback", "test_server_turns",
     "b17_send_does_not_overtake_a_broadcast_of_its_thread", [
         ("server/library/requests.c", "    if (is_own && worker->own_waiting == 0) {", "    if (is_own) {")]),
    ("B18a", "a replaced token stays in memory", "test_tokens", "b18_no_token_stays_in_memory_that_was_given_back", [
        ("server/library/tokens.c", "        explicit_bzero(tokens->all, tokens->size);", "        ;")]),
    ("B18b", "a drain beside many in grace is quadratic", "test_server_turns", "b18_draining_beside_many_in_grace_is_linear", [
        ("server/library/departed.c", "    while (departed->over.count > over_limit) {\n",
         "    for (place = departed->away.first; place != LUBDUB_NO_PLACE; place = departed->places[place]->later) {\n"
         "        departed->places[place]->length += 0;\n    }\n    while (departed->over.count > over_limit) {\n")]),
    ("B18c", "a reload without memory says OK", "test_server_turns", "d7_reload_is_all_or_nothing", [
        ("server/library/server.c", "    if (rules == NULL) {\n        return LUBDUB_ERROR_NO_MEMORY;",
         "    if (rules == NULL) {\n        return LUBDUB_ERROR_OK;")]),
    ("B19", "each health check of a balancer is told", "test_budget", "finding_b19_health_checks_of_a_balancer_are_summed_up", [
        ("server/program/budget.c", "[REJECTED] = {LUBDUB_SERVER_REJECTED, 10,", "[REJECTED] = {LUBDUB_SERVER_REJECTED, 1000000,")]),
    ("B20", "twins take an identity from each other as often as they like", "test_server_identities",
     "b20_twins_that_fight_are_damped_and_told_once", [
         ("server/library/contest.h", "#define LUBDUB_CONTEST_LIMIT 5", "#define LUBDUB_CONTEST_LIMIT 1000000")]),
    ("D1", "a long turn of ours is no absence", "test_absences", "d1_long_turn_is_an_absence", [
        ("common/ev/reactor.c", "    reactor->turn_forgiven = busy;\n    forgive_all(reactor, &absence);\n    return true;",
         "    return false;")]),
    ("D2", "the tables of what peers choose are hashed without a key", "test_table", "d2_names_chosen_to_collide_do_not", [
        ("server/library/table.h", "#define HASH_FUNCTION(key, length, hash) ((hash) = lubdub_sip_hash_here((key), (length)))", "")]),
    ("D3", "forty silent sessions of one address make the server suspect itself", "test_suspicion",
     "d3_one_address_weighs_no_more_than_all_others", [
         ("common/core/suspicion.c", "    if (others > 0 && largest->session_count > others) {", "    if (false) {")]),
    ("D4", "a client takes any interval that is granted", "test_session_client",
     "d4_interval_far_beyond_the_one_asked_for_is_refused", [
         ("common/core/session_client.c", "    if (interval_limit(turn->settings) < lubdub_session_interval(session)) {",
          "    if (false && interval_limit(turn->settings) < lubdub_session_interval(session)) {")]),
    ("D5", "each lateness of a session is told", "test_budget", "finding_d5_late_and_recovered_are_told_a_few_times_a_minute", [
        ("server/program/budget.c", "[LATE] = {LUBDUB_SERVER_LATE, 3,", "[LATE] = {LUBDUB_SERVER_LATE, 1000000,")]),
    ("D6", "a listener that the kernel does not watch is deaf for ever", "test_server_lack",
     "d6_listener_that_cannot_be_watched_is_told_once_and_tried_again", [
         ("server/library/listener.c", "    if ((revents & EV_ERROR) != 0) {", "    if (false) {")]),
    ("D7", "without memory a drain is lost", "test_server_turns", "d7_drain_needs_no_memory", [
        ("server/library/mailbox.c", "void lubdub_mailbox_order_drain(struct lubdub_mailbox *mailbox, lubdub_time patience_ends)\n{\n",
         "void lubdub_mailbox_order_drain(struct lubdub_mailbox *mailbox, lubdub_time patience_ends)\n{\n"
         "    struct lubdub_letter *letter = lubdub_letter_new(LUBDUB_LETTER_SEND);\n\n    if (letter == NULL) {\n        return;\n    }\n"
         "    lubdub_letter_free(letter);\n")]),
    ("D8", "a MESSAGE follows a BYE that did not fit the turn", "test_session_messages",
     "d8_nothing_follows_bye_whatever_room_the_turn_has", [
         ("common/core/session_shared.c", "        lubdub_outbox_drop_messages(&session->extra->outbox); /* one of this turn, which had no room for BYE */",
          "        ;")]),
    ("D9a", "a path stands raw in the sentence about a token file", "test_secret_file", "finding_d9_path_is_escaped_in_the_sentence", [
        ("common/program/settings/secret_file.c", "lubdub_settings_show(path, shown), fault);", "(memset(shown, 0, sizeof shown), path), fault);")]),
    ("D9b", "JSON has \\u0000", "test_event_line", "finding_d9_nul_is_shown_as_a_replacement", [
        ("common/program/events/json.c", "        bool is_kept = size > 0 && code_point != 0;", "        bool is_kept = size > 0;")]),
    ("D9c", "a token file that all may write is taken without a word", "test_who_comes_in",
     "finding_d9_token_file_that_all_may_write_is_warned_of", [
         ("server/program/main.c", "(status.st_mode & S_IWOTH) != 0) {", "(status.st_mode & S_IWOTH) > 077777) {")]),
    ("D9d", "an events file is for all to read", "test_event_output", "finding_d9_file_is_made_for_owner_and_group", [
        ("common/program/events/output.c", "#define FILE_MODE 0640", "#define FILE_MODE 0644")]),
    ("D9e", "root writes events through a link", "test_event_output", "finding_d9_root_follows_no_link_and_writes_to_files_only", [
        ("common/program/events/output.c", "    descriptor = open(path, flags | O_NOFOLLOW, FILE_MODE);",
         "    descriptor = open(path, flags, FILE_MODE);")]),
    ("D10", "one newcomer in a tenth of a second is told that no descriptor is left", "test_server_newcomers",
     "b7_clients_leave_descriptors_in_reserve_and_d10_all_are_told", [
         ("server/library/listener.c", "#define REFUSED_AT_ONCE 16\n#define SHORT_PAUSE 0.01", "#define REFUSED_AT_ONCE 1\n#define SHORT_PAUSE 0.1")]),
    ("D11a", "a holder that does not answer keeps its identity", "test_server_identities",
     "d11_holder_that_does_not_answer_loses_to_a_lower_incarnation", [
         ("server/library/door.c", "    if (holder_lives) {\n        refuse_replaced(worker, record);", "    if (holder_lives || true) {\n        refuse_replaced(worker, record);")]),
    ("D11b", "any token is for any identity", "test_tokens", "b15_token_lets_in_the_identities_of_its_patterns", [
        ("server/library/tokens.c", "    return token->pattern.data == NULL || lubdub_pattern_matches(token->pattern, identity);",
         "    return token->pattern.data == NULL || lubdub_pattern_matches(token->pattern, identity) || true;")]),
    ("D12", "without memory the program exits as if an option were wrong", "test_settings", "d12_without_memory_the_program_cannot_start", [
        ("common/program/settings/settings.c", "lacks_memory(loaded->problem) ? LUBDUB_EXIT_CANNOT_START : LUBDUB_EXIT_USAGE;",
         "lacks_memory(loaded->problem) ? LUBDUB_EXIT_USAGE : LUBDUB_EXIT_USAGE;")]),
    # Found by a seed of the simulator (tests/sim/ledger), which has the number.
    ("S129", "the last question before a verdict is left out where two grants have changed", "test_session_server",
     "a11_silence_is_asked_again_beside_the_challenges_of_two_regrants", [
         ("common/core/session_silence.c",
          "        (void)lubdub_server_challenge(session, turn, LUBDUB_CHALLENGES_WAITING_LIMIT);\n    }\n}\n\n/* Without memory",
          "        (void)lubdub_server_challenge(session, turn, 2 + lubdub_server_waits_for_regrant(session));\n    }\n}\n\n/* Without memory")]),
    ("S325", "what came while a server did not listen is not read before its verdict", "test_simulator", "seeds_that_failed_once_hold", [
        ("common/core/step.c", "        if (!listened && lubdub_step_listens(step)) {", "        if (false && !listened) {")]),
    ("S936", "challenges of an earlier silence keep the server from asking in the next", "test_session_server",
     "challenges_that_wait_for_their_acks_are_followed_by_others_up_to_seven", [
         ("common/core/session_silence.c",
          "prove nothing of this one. */\n    (void)lubdub_server_challenge(session, turn, LUBDUB_CHALLENGES_WAITING_LIMIT);",
          "prove nothing of this one. */\n    (void)lubdub_server_challenge(\n        session, turn,"
          " extra != NULL ? LUBDUB_CHALLENGES_WAITING_LIMIT : 1 + lubdub_server_waits_for_regrant(session));")]),
    ("S722", "bytes of a frame that is not whole count as arriving for ever", "test_session_adaptive",
     "a14_client_that_stopped_in_the_middle_of_a_frame_is_hung_at_its_expiry", [
         ("common/core/session_shared.h", "lubdub_time_between(session->extra->bytes_at, now) <", "0 * lubdub_time_between(session->extra->bytes_at, now) <")]),
]

LEFT_OUT = {
    "D13": "a claim of the documents about control-flow protection, which they do not make any more; the built files are read by "
           "`tests/package/hardening_is_there`",
}
