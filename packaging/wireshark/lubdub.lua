-- Shows Lubdub heartbeats (docs/protocol.md) in Wireshark and tshark.
--
-- To install: copy it to the folder of personal Lua plugins (Help, About, Folders), or use it once:
--
--     tshark -X lua_script:lubdub.lua -i lo -f 'tcp port 3333'
--
-- Port 3333 is decoded as Lubdub (a preference), and so is a connection on another port whose first bytes are a header.
-- A probe and its ack name each other, and the ack has the time between them. What breaks the protocol is an expert item:
--
--     lubdub.error            display filter for it
--     lubdub.time > 0.1       acks that took more than 100 ms
--     lubdub.identity == "pump-7"

local lubdub = Proto("lubdub", "Lubdub heartbeat")

local HEADER_LENGTH = 16
local VERSION = 1
local HELLO, WELCOME, PROBE, ACK, MESSAGE, BYE = 1, 2, 3, 4, 5, 6
local OPTIONS_LIMIT = 4096

local types = { [HELLO] = "HELLO", [WELCOME] = "WELCOME", [PROBE] = "PROBE", [ACK] = "ACK", [MESSAGE] = "MESSAGE", [BYE] = "BYE" }
local healths = { [0] = "passing", [1] = "warning", [2] = "critical", [3] = "critical (reserved)" }
local reasons = {
    [0] = "normal", [1] = "draining", [2] = "replaced", [3] = "expired", [4] = "protocol error", [5] = "content too large",
    [6] = "unauthorized", [7] = "overloaded", [8] = "too many frames", [9] = "unsupported version", [10] = "handshake timeout",
}
local causes = {
    [1] = "bye", [2] = "closed", [3] = "reset", [4] = "hung", [5] = "unreachable", [6] = "refused", [7] = "timeout",
    [8] = "resolve", [9] = "protocol", [10] = "rejected", [11] = "replaced", [12] = "slow-reader", [13] = "tls", [14] = "shutdown",
}

local f = {
    magic = ProtoField.string("lubdub.magic", "Magic"),
    version = ProtoField.uint8("lubdub.version", "Version"),
    type = ProtoField.uint8("lubdub.type", "Type", base.DEC, types),
    flags = ProtoField.uint16("lubdub.flags", "Flags", base.HEX),
    resumed = ProtoField.bool("lubdub.flags.resumed", "Resumed", 16, nil, 0x0001),
    changed = ProtoField.bool("lubdub.flags.changed", "Changed grant", 16, nil, 0x0002),
    health = ProtoField.uint16("lubdub.flags.health", "Health", base.DEC, healths, 0x0003),
    length = ProtoField.uint16("lubdub.length", "Length of the content"),
    sequence = ProtoField.uint64("lubdub.sequence", "Sequence"),
    incarnation = ProtoField.uint64("lubdub.incarnation", "Incarnation"),
    session = ProtoField.uint64("lubdub.session", "Session"),
    reason = ProtoField.uint64("lubdub.reason", "Reason", base.DEC),
    content = ProtoField.bytes("lubdub.content", "Content"),

    option = ProtoField.none("lubdub.option", "Option"),
    tag = ProtoField.uint8("lubdub.option.tag", "Tag"),
    option_length = ProtoField.uint16("lubdub.option.length", "Length"),
    value = ProtoField.bytes("lubdub.option.value", "Value"),
    identity = ProtoField.string("lubdub.identity", "Identity", base.UNICODE),
    interval = ProtoField.uint32("lubdub.interval_ms", "Interval in ms"),
    expiry = ProtoField.uint32("lubdub.expiry_ms", "Expiry in ms"),
    token = ProtoField.bytes("lubdub.token", "Token"),
    label = ProtoField.string("lubdub.label", "Label", base.UNICODE),
    max_content = ProtoField.uint16("lubdub.max_content", "Longest content that is taken"),
    agent = ProtoField.string("lubdub.agent", "Agent"),
    text = ProtoField.string("lubdub.text", "Text", base.UNICODE),
    retry_after = ProtoField.uint32("lubdub.retry_after_ms", "Retry after, in ms"),
    last_end = ProtoField.uint8("lubdub.last_end", "Cause of the last end", base.DEC, causes),
    message_rate = ProtoField.uint32("lubdub.message_rate", "Messages a second"),
    message_burst = ProtoField.uint32("lubdub.message_burst", "Messages at once"),

    ack_in = ProtoField.framenum("lubdub.ack_in", "Acknowledged in", base.NONE, frametype.RESPONSE),
    probe_in = ProtoField.framenum("lubdub.probe_in", "Probe in", base.NONE, frametype.REQUEST),
    time = ProtoField.double("lubdub.time", "Time from probe to ack, in seconds"),
}
lubdub.fields = f

local e = {
    error = ProtoExpert.new("lubdub.error", "Breaks the protocol", expert.group.PROTOCOL, expert.severity.ERROR),
    rejected = ProtoExpert.new("lubdub.rejected", "The peer is not wanted", expert.group.RESPONSE_CODE, expert.severity.WARN),
}
lubdub.experts = e

lubdub.prefs.port = Pref.uint("TCP port", 3333, "Decode this port as Lubdub")

local tcp_stream = Field.new("tcp.stream")

-- What was found in the first pass, by stream, sender, type and sequence: frames may be shown in any order later.
local seen -- key: { number = frame, time = seconds }
local last -- stream, sender and type: the last sequence
local is_whole -- stream: the capture has its beginning
local faults -- frame, sender, type and sequence: a text

function lubdub.init()
    seen, last, is_whole, faults = {}, {}, {}, {}
end

local function side(address, port)
    return tostring(address) .. " " .. port
end

local function key(stream, sender, type, sequence)
    return stream .. "|" .. sender .. "|" .. type .. "|" .. sequence
end

-- Remembers this frame; returns what is wrong with its place in the session.
local function note(pinfo, stream, type, sequence)
    local from, to = side(pinfo.src, pinfo.src_port), side(pinfo.dst, pinfo.dst_port)
    local own = key(stream, from, type, sequence)
    local place = pinfo.number .. "|" .. own
    local fault

    if pinfo.visited then
        return faults[place]
    end
    if type == PROBE or type == MESSAGE then
        local counter = stream .. "|" .. from .. "|" .. type
        -- A capture may begin in the middle of a session: then the first number is taken as it comes.
        if last[counter] and sequence ~= last[counter] + 1 then
            fault = types[type] .. " out of sequence: " .. last[counter] + 1 .. " was expected"
        end
        last[counter] = sequence
    elseif type == HELLO then
        is_whole[stream] = true
    elseif type == ACK then
        if seen[own] then
            fault = "a second ACK of one probe"
        elseif not seen[key(stream, to, PROBE, sequence)] and is_whole[stream] then
            fault = "an ACK of a probe that was not sent"
        end
    end
    seen[own] = seen[own] or { number = pinfo.number, time = pinfo.rel_ts }
    faults[place] = fault
    return fault
end

local function show_partner(pinfo, tree, stream, type, sequence)
    local to = side(pinfo.dst, pinfo.dst_port)

    if type == PROBE then
        local ack = seen[key(stream, to, ACK, sequence)]
        if ack then
            tree:add(f.ack_in, ack.number):set_generated()
        end
    elseif type == ACK then
        local probe = seen[key(stream, to, PROBE, sequence)]
        if probe then
            tree:add(f.probe_in, probe.number):set_generated()
            tree:add(f.time, pinfo.rel_ts - probe.time):set_generated()
        end
    end
end

-- Tag: name, shortest, longest, and how the value is shown.
local function one_field(field)
    return function(tree, value) tree:add(field, value) end
end

local options = {
    [1] = { "identity", 1, 128, one_field(f.identity) },
    [2] = { "interval_ms", 4, 4, one_field(f.interval) },
    [3] = { "expiry_ms", 4, 4, one_field(f.expiry) },
    [4] = { "token", 1, 1024, one_field(f.token) },
    [5] = { "label", 2, 161, one_field(f.label) },
    [6] = { "max_content", 2, 2, one_field(f.max_content) },
    [7] = { "agent", 1, 64, one_field(f.agent) },
    [8] = { "text", 0, 256, one_field(f.text) },
    [9] = { "retry_after_ms", 4, 4, one_field(f.retry_after) },
    [10] = { "last_end", 1, 1, one_field(f.last_end) },
    [11] = { "message_rate", 8, 8, function(tree, value)
        tree:add(f.message_rate, value(0, 4))
        tree:add(f.message_burst, value(4, 4))
    end },
}

local function complain(tree, text)
    tree:add_proto_expert_info(e.error, text)
end

-- Returns a few words about the list, for the column.
local function show_options(tree, range)
    local at, words, found = 0, {}, {}

    while at < range:len() do
        if at + 3 > range:len() or at + 3 + range(at + 1, 2):uint() > range:len() then
            complain(tree, "the option list runs past the content")
            return table.concat(words, " ")
        end
        local tag, length = range(at, 1):uint(), range(at + 1, 2):uint()
        local known = options[tag]
        local branch = tree:add(f.option, range(at, 3 + length))

        branch:set_text(known and known[1] or "option " .. tag .. ", unknown")
        branch:add(f.tag, range(at, 1))
        branch:add(f.option_length, range(at + 1, 2))
        if known == nil then
            if length > 0 then
                branch:add(f.value, range(at + 3, length))
            end
        elseif length < known[2] or length > known[3] then
            complain(branch, "the option has a wrong length")
        else
            if found[tag] and tag ~= 5 then
                complain(branch, "the option stands twice")
            end
            found[tag] = true
            if length > 0 then
                local value = range(at + 3, length)
                known[4](branch, value)
                if tag == 1 or tag == 8 then
                    words[#words + 1] = '"' .. value:string(ENC_UTF_8) .. '"'
                elseif tag == 2 or tag == 3 then
                    words[#words + 1] = known[1] .. "=" .. value:uint()
                end
            end
        end
        at = at + 3 + length
    end
    return table.concat(words, " ")
end

local function show_flags(tree, range, type)
    local branch = tree:add(f.flags, range)

    if type == WELCOME then
        branch:add(f.resumed, range)
        branch:add(f.changed, range)
    elseif type == PROBE or type == ACK then
        branch:add(f.health, range)
    end
end

local function show_sequence(tree, range, type)
    local shown = tree:add(f.sequence, range)

    if type == HELLO then
        tree:add(f.incarnation, range)
    elseif type == WELCOME then
        tree:add(f.session, range)
        if range:uint64() == UInt64(0) then
            complain(shown, "WELCOME with a session number of 0")
        end
    elseif type == BYE then
        local text = reasons[range:uint64():tonumber()] or "unknown, read as normal"
        local reason = tree:add(f.reason, range)
        reason:append_text(" (" .. text .. ")")
        if range:uint64():tonumber() >= 4 and range:uint64():tonumber() <= 10 then
            reason:add_proto_expert_info(e.rejected, text)
        end
    end
end

local function describe(range, type)
    local sequence = tostring(range(8, 8):uint64())

    if type == HELLO then
        return "HELLO"
    elseif type == WELCOME then
        return "WELCOME session " .. sequence
    elseif type == BYE then
        return "BYE " .. (reasons[tonumber(sequence)] or sequence)
    end
    return types[type] .. " " .. sequence
end

-- What is wrong with a header; nil: nothing.
local function judge(range)
    if range(0, 2):uint() ~= 0x4c44 then
        return "these bytes are of another protocol"
    end
    if range(2, 1):uint() ~= VERSION then
        return "version " .. range(2, 1):uint() .. " is unknown"
    end
    local type, length = range(3, 1):uint(), range(6, 2):uint()
    if types[type] == nil then
        return "type " .. type .. " is unknown"
    end
    if (type == HELLO or type == WELCOME or type == BYE) and length > OPTIONS_LIMIT then
        return "options of more than " .. OPTIONS_LIMIT .. " bytes"
    end
    return nil
end

local function frame_length(tvb, _, offset)
    local header = tvb:range(offset, HEADER_LENGTH)

    if judge(header) ~= nil then
        return tvb:reported_length_remaining(offset) -- no frame follows: what is left is shown as it is
    end
    return HEADER_LENGTH + header(6, 2):uint()
end

local function dissect_frame(tvb, pinfo, tree)
    local range = tvb:range()
    local fault = judge(range)
    local branch = tree:add(lubdub, range)

    if fault ~= nil and range(0, 2):uint() ~= 0x4c44 then
        complain(branch, fault)
        pinfo.cols.info:append(" [" .. fault .. "]")
        return tvb:len()
    end

    local type, length = range(3, 1):uint(), range(6, 2):uint()
    local words = types[type] and describe(range, type) or "type " .. type

    branch:add(f.magic, range(0, 2))
    branch:add(f.version, range(2, 1))
    branch:add(f.type, range(3, 1))
    show_flags(branch, range(4, 2), type)
    branch:add(f.length, range(6, 2))
    show_sequence(branch, range(8, 8), type)
    if fault ~= nil then
        complain(branch, fault)
    else
        local stream, sequence = tcp_stream().value, range(8, 8):uint64():tonumber()

        if length > 0 and (type == HELLO or type == WELCOME or type == BYE) then
            local said = show_options(branch, range(HEADER_LENGTH, length))
            words = said ~= "" and words .. " " .. said or words
        elseif length > 0 then
            branch:add(f.content, range(HEADER_LENGTH, length))
        end
        fault = note(pinfo, stream, type, sequence)
        if fault ~= nil then
            complain(branch, fault)
        end
        show_partner(pinfo, branch, stream, type, sequence)
    end
    branch:append_text(", " .. words)
    pinfo.cols.info:append(" " .. words .. (fault and " [" .. fault .. "]" or ""))
    return tvb:len()
end

function lubdub.dissector(tvb, pinfo, tree)
    pinfo.cols.protocol = "Lubdub"
    pinfo.cols.info = ""
    dissect_tcp_pdus(tvb, tree, HEADER_LENGTH, frame_length, dissect_frame)
    return tvb:len()
end

-- On other ports: a whole header whose first three bytes and type fit.
local function is_lubdub(tvb, pinfo, tree)
    if tvb:len() < HEADER_LENGTH or judge(tvb:range(0, HEADER_LENGTH)) ~= nil then
        return false
    end
    pinfo.conversation = lubdub
    lubdub.dissector(tvb, pinfo, tree)
    return true
end
lubdub:register_heuristic("tcp", is_lubdub)

local ports = DissectorTable.get("tcp.port")
local port = 0

local function take_port()
    if port ~= lubdub.prefs.port then
        if port ~= 0 then
            ports:remove(port, lubdub)
        end
        port = lubdub.prefs.port
        if port ~= 0 then
            ports:add(port, lubdub)
        end
    end
end

function lubdub.prefs_changed()
    take_port()
end
take_port()
