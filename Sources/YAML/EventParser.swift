import CYAML

/// libyaml's events, put together to trees.
struct EventParser: ~Copyable {
    // libyaml keeps a pointer to the parser's own address and to the input: both are allocated here and freed in `deinit`, and
    // the parser is deleted before its input.
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let input: UnsafeMutableBufferPointer<UInt8>
    private var anchors: [String: YAMLNode] = [:]
    private var open: Set<ObjectIdentifier> = []
    private var nodeCount = 0

    init(_ text: [UInt8]) {
        parser = .allocate(capacity: 1)
        input = .allocate(capacity: max(text.count, 1))
        _ = input.initialize(from: text)
        yaml_parser_initialize(parser)
        yaml_parser_set_input_string(parser, input.baseAddress, text.count)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
        input.deallocate()
    }

    /// An event, freed of libyaml's memory.
    private enum Event {
        case streamEnd, documentStart, sequenceEnd, mappingEnd, other
        case alias(String)
        case scalar(text: String, tag: String?, isPlain: Bool, anchor: String?)
        case sequenceStart(anchor: String?)
        case mappingStart(anchor: String?)
    }

    private func next() throws(YAMLError) -> (Event, Location) {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw failure }
        // The event's strings are copied out before it is deleted.
        defer { yaml_event_delete(&event) }
        let location = Location(event.start_mark)
        switch event.type {
        case YAML_STREAM_END_EVENT: return (.streamEnd, location)
        case YAML_DOCUMENT_START_EVENT: return (.documentStart, location)
        case YAML_SEQUENCE_END_EVENT: return (.sequenceEnd, location)
        case YAML_MAPPING_END_EVENT: return (.mappingEnd, location)
        case YAML_ALIAS_EVENT: return (.alias(text(event.data.alias.anchor) ?? ""), location)
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            return (
                .scalar(
                    text: String(decoding: bytes, as: UTF8.self), tag: text(scalar.tag),
                    isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE, anchor: text(scalar.anchor)), location
            )
        case YAML_SEQUENCE_START_EVENT:
            return (.sequenceStart(anchor: text(event.data.sequence_start.anchor)), location)
        case YAML_MAPPING_START_EVENT: return (.mappingStart(anchor: text(event.data.mapping_start.anchor)), location)
        default: return (.other, location)
        }
    }

    private func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        // libyaml's strings end with a zero byte.
        pointer.map { String(cString: $0) }
    }

    private var failure: YAMLError {
        let state = parser.pointee
        let problem = state.problem.map { String(cString: $0) } ?? "not YAML"
        let context = state.context.map { ", \(String(cString: $0))" } ?? ""
        if state.error == YAML_READER_ERROR {
            // The reader's place is a byte, not a mark.
            let before = input.prefix(min(state.problem_offset, input.count))
            let line = before.count { $0 == UInt8(ascii: "\n") }
            let column = before.count - (before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0)
            return YAMLError(message: problem, location: Location(line: line + 1, column: column + 1))
        }
        let location = Location(state.problem_mark)
        if byte(at: location) == UInt8(ascii: "\t") {
            return YAMLError(message: "a tab cannot indent; use spaces", location: location)
        }
        return YAMLError(message: problem + context, location: location)
    }

    /// The input's byte at a place of which all before it in the line is ASCII; nil beyond the end.
    private func byte(at location: Location) -> UInt8? {
        var line = 1
        for (index, byte) in input.enumerated() {
            if line == location.line {
                let place = index + location.column - 1
                return place < input.count ? input[place] : nil
            }
            if byte == UInt8(ascii: "\n") { line += 1 }
        }
        return nil
    }

    /// The next document's root; nil at the end of the text.
    mutating func document() throws(YAMLError) -> YAMLNode? {
        anchors = [:]
        nodeCount = 0
        while true {
            switch try next().0 {
            case .streamEnd: return nil
            case .documentStart: return try node(depth: 0)
            default: continue
            }
        }
    }

    private mutating func node(depth: Int) throws(YAMLError) -> YAMLNode {
        let (event, location) = try next()
        return try node(event, location, depth: depth)
    }

    private mutating func node(_ event: Event, _ location: Location, depth: Int) throws(YAMLError) -> YAMLNode {
        nodeCount += 1
        guard depth <= Reader.maximumDepth else { throw YAMLError(message: "nests too deep", location: location) }
        guard nodeCount <= Reader.maximumNodes else { throw YAMLError(message: "too many values", location: location) }
        switch event {
        case .alias(let name):
            guard let node = anchors[name] else {
                throw YAMLError(message: "there is no anchor '\(name)'", location: location)
            }
            guard !open.contains(ObjectIdentifier(node)) else {
                throw YAMLError(message: "the anchor '\(name)' contains itself", location: location)
            }
            return node
        case .scalar(let text, let tag, let isPlain, let anchor):
            let node = YAMLNode(try Scalar.content(of: text, tag: tag, isPlain: isPlain, at: location), location)
            if let anchor { anchors[anchor] = node }
            return node
        case .sequenceStart(let anchor): return try sequence(anchor, location, depth)
        case .mappingStart(let anchor): return try mapping(anchor, location, depth)
        default: throw YAMLError(message: "a value was expected", location: location)
        }
    }

    private mutating func sequence(_ anchor: String?, _ location: Location, _ depth: Int) throws(YAMLError) -> YAMLNode
    {
        let node = YAMLNode(.null, location)
        if let anchor { anchors[anchor] = node }
        open.insert(ObjectIdentifier(node))
        var elements: [YAMLNode] = []
        while true {
            let (event, place) = try next()
            if case .sequenceEnd = event { break }
            elements.append(try self.node(event, place, depth: depth + 1))
        }
        open.remove(ObjectIdentifier(node))
        node.content = .sequence(elements)
        return node
    }

    private mutating func mapping(_ anchor: String?, _ location: Location, _ depth: Int) throws(YAMLError) -> YAMLNode {
        let node = YAMLNode(.null, location)
        if let anchor { anchors[anchor] = node }
        open.insert(ObjectIdentifier(node))
        var members: [(key: YAMLNode, value: YAMLNode)] = []
        var places: [String: Location] = [:]
        var merged: [YAMLNode] = []
        while true {
            let (event, place) = try next()
            if case .mappingEnd = event { break }
            let isMerge = if case .scalar("<<", nil, true, _) = event { true } else { false }
            let key = try self.node(event, place, depth: depth + 1)
            let value = try self.node(depth: depth + 1)
            if isMerge {
                merged.append(value)
                continue
            }
            guard let text = key.keyText else {
                throw YAMLError(message: "a list or mapping cannot be a key", location: place)
            }
            if let first = places[text] {
                throw YAMLError(
                    message: "the key '\(text)' is there twice, first in line \(first.line)", location: place)
            }
            places[text] = place
            members.append((key, value))
        }
        open.remove(ObjectIdentifier(node))
        for source in merged { try merge(source, into: &members, &places) }
        node.content = .mapping(members)
        return node
    }

    /// Carries a merge key out (YAML, "Merge Key Language-Independent Type"): what is there already stays.
    private func merge(
        _ source: YAMLNode, into members: inout [(key: YAMLNode, value: YAMLNode)], _ places: inout [String: Location]
    ) throws(YAMLError) {
        switch source.content {
        case .mapping(let others):
            for member in others {
                guard let text = member.key.keyText, places[text] == nil else { continue }
                places[text] = member.key.location
                members.append(member)
            }
        case .sequence(let sources):
            for source in sources {
                guard case .mapping = source.content else {
                    throw YAMLError(message: "'<<' takes a mapping or a list of mappings", location: source.location)
                }
                try merge(source, into: &members, &places)
            }
        default: throw YAMLError(message: "'<<' takes a mapping or a list of mappings", location: source.location)
        }
    }
}
