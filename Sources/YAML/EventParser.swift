import CYAML
import JSON

/// Builds trees from libyaml's events.
struct EventParser: ~Copyable {
    // libyaml keeps a pointer to the parser's address and to the input: both are allocated here and freed in `deinit`, and the
    // parser is deleted before its input.
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let input: UnsafeMutableBufferPointer<UInt8>
    private var anchors: [String: YAMLNode] = [:]
    private var open: Set<ObjectIdentifier> = []
    private var nodeCount = 0
    private var isFirst = true
    /// True if libyaml has found a syntax error, after which it cannot continue.
    private(set) var hasEnded = false
    /// The end of the last document's content.
    private var lastEnd = 0
    private let source: SourceText
    private var characters: CharacterCursor

    init(_ source: SourceText) {
        self.source = source
        characters = CharacterCursor(source)
        parser = .allocate(capacity: 1)
        input = .allocate(capacity: max(source.bytes.count, 1))
        _ = input.initialize(from: source.bytes)
        yaml_parser_initialize(parser)
        yaml_parser_set_input_string(parser, input.baseAddress, source.bytes.count)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
        input.deallocate()
    }

    /// An event, independent of libyaml's memory.
    fileprivate enum Event {
        case streamEnd, documentStart(isExplicit: Bool), sequenceEnd, mappingEnd, other
        case alias(String)
        case scalar(text: String, tag: String?, anchor: String?)
        case sequenceStart(anchor: String?)
        case mappingStart(anchor: String?)
    }

    private mutating func next() throws(YAMLError) -> (Event, Extent) {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else {
            hasEnded = true
            throw failure
        }
        // The event's strings are copied before it is deleted.
        defer { yaml_event_delete(&event) }
        let start = characters.offset(of: event.start_mark.index)
        let end = characters.offset(of: event.end_mark.index)
        func at(_ style: Extent.Style = .plain) -> Extent { Extent(start: start, end: end, style: style) }
        switch event.type {
        case YAML_STREAM_END_EVENT: return (.streamEnd, at())
        case YAML_DOCUMENT_START_EVENT:
            return (.documentStart(isExplicit: event.data.document_start.implicit == 0), at())
        case YAML_SEQUENCE_END_EVENT: return (.sequenceEnd, at())
        case YAML_MAPPING_END_EVENT: return (.mappingEnd, at())
        case YAML_ALIAS_EVENT: return (.alias(text(event.data.alias.anchor) ?? ""), at())
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            return (
                .scalar(
                    text: String(decoding: bytes, as: UTF8.self), tag: text(scalar.tag), anchor: text(scalar.anchor)),
                at(Extent.Style(scalar.style))
            )
        case YAML_SEQUENCE_START_EVENT:
            let sequence = event.data.sequence_start
            let isFlow = sequence.style == YAML_FLOW_SEQUENCE_STYLE
            return (.sequenceStart(anchor: text(sequence.anchor)), at(isFlow ? .flow : .block))
        case YAML_MAPPING_START_EVENT:
            let mapping = event.data.mapping_start
            let isFlow = mapping.style == YAML_FLOW_MAPPING_STYLE
            return (.mappingStart(anchor: text(mapping.anchor)), at(isFlow ? .flow : .block))
        default: return (.other, at())
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
            // The reader's position is a byte, not a mark.
            return YAMLError(message: problem, location: source.location(of: state.problem_offset))
        }
        var characters = characters
        let offset = characters.offset(of: state.problem_mark.index)
        let location = source.location(of: offset)
        if offset < source.bytes.count, source.bytes[offset] == UInt8(ascii: "\t") {
            return YAMLError(message: "tabs must not be used for indentation; use spaces", location: location)
        }
        return YAMLError(message: problem + context, location: location)
    }

    private func error(_ message: String, at extent: Extent) -> YAMLError {
        YAMLError(message: message, location: source.location(of: extent.start))
    }

    /// The next document's root, and the start of the comments before it; nil at the end of the text.
    mutating func document() throws(YAMLError) -> (root: YAMLNode, head: Int)? {
        anchors = [:]
        open = []
        nodeCount = 0
        while true {
            let (event, extent) = try next()
            switch event {
            case .streamEnd: return nil
            case .documentStart(let isExplicit):
                // Comments before the first `---` belong to the first document.
                let head = isFirst ? 0 : isExplicit ? extent.start : lastEnd
                let root = try node(depth: 0)
                isFirst = false
                lastEnd = root.extent.end
                return (root, head)
            default: continue
            }
        }
    }

    private mutating func node(depth: Int) throws(YAMLError) -> YAMLNode {
        let (event, extent) = try next()
        return try node(event, extent, depth: depth)
    }

    private mutating func node(_ event: Event, _ extent: Extent, depth: Int) throws(YAMLError) -> YAMLNode {
        nodeCount += 1
        guard depth <= Reader.maximumDepth else { throw error("nests too deep", at: extent) }
        guard nodeCount <= Reader.maximumNodes else { throw error("too many values", at: extent) }
        switch event {
        case .alias(let name):
            guard let node = anchors[name] else { throw error("unknown anchor \"\(name)\"", at: extent) }
            guard !open.contains(ObjectIdentifier(node)) else {
                throw error("anchor \"\(name)\" contains itself", at: extent)
            }
            node.extent.isShared = true
            return node
        case .scalar(let text, let tag, let anchor):
            let content: YAMLNode.Content
            do throws(Scalar.Problem) {
                content = try Scalar.content(of: text, tag: tag, isPlain: extent.style == .plain)
            } catch {
                throw self.error(error.message, at: extent)
            }
            let node = YAMLNode(content, extent)
            if extent.style == .literal { node.extent.end = source.end(ofBlockScalar: extent) }
            if let anchor { anchors[anchor] = node }
            return node
        case .sequenceStart(let anchor): return try sequence(anchor, extent, depth)
        case .mappingStart(let anchor): return try mapping(anchor, extent, depth)
        default: throw error("expected a value", at: extent)
        }
    }

    private mutating func sequence(_ anchor: String?, _ extent: Extent, _ depth: Int) throws(YAMLError) -> YAMLNode {
        let node = YAMLNode(.null, extent)
        if let anchor { anchors[anchor] = node }
        open.insert(ObjectIdentifier(node))
        var elements: [YAMLNode] = []
        var last = extent.end
        while true {
            let (event, place) = try next()
            if case .sequenceEnd = event {
                node.extent.end = extent.style == .flow ? place.end : last
                break
            }
            let element = try self.node(event, place, depth: depth + 1)
            last = event.isAlias ? place.end : element.extent.end
            elements.append(element)
        }
        open.remove(ObjectIdentifier(node))
        node.content = .sequence(elements)
        return node
    }

    private mutating func mapping(_ anchor: String?, _ extent: Extent, _ depth: Int) throws(YAMLError) -> YAMLNode {
        let node = YAMLNode(.null, extent)
        if let anchor { anchors[anchor] = node }
        open.insert(ObjectIdentifier(node))
        var members: [(key: YAMLNode, value: YAMLNode)] = []
        var places: [String: Extent] = [:]
        var merged: [YAMLNode] = []
        var last = extent.end
        while true {
            let (event, place) = try next()
            if case .mappingEnd = event {
                node.extent.end = extent.style == .flow ? place.end : last
                break
            }
            let isMerge = if case .scalar("<<", nil, _) = event { place.style == .plain } else { false }
            let key = try self.node(event, place, depth: depth + 1)
            let (valueEvent, valuePlace) = try next()
            let value = try self.node(valueEvent, valuePlace, depth: depth + 1)
            last = valueEvent.isAlias ? valuePlace.end : value.extent.end
            if isMerge {
                merged.append(value)
                continue
            }
            guard let text = key.keyText else {
                throw error("a key must not be null, a list or a mapping", at: place)
            }
            if let first = places[text] {
                let line = source.line(of: first.start)
                throw error("duplicate key \"\(text)\" (first defined on line \(line))", at: place)
            }
            places[text] = place
            members.append((key, value))
        }
        open.remove(ObjectIdentifier(node))
        for source in merged { try merge(source, into: &members, &places) }
        node.content = .mapping(members)
        return node
    }

    /// Applies a merge key (YAML, "Merge Key Language-Independent Type"): existing members stay.
    private func merge(
        _ source: YAMLNode, into members: inout [(key: YAMLNode, value: YAMLNode)], _ places: inout [String: Extent]
    ) throws(YAMLError) {
        switch source.content {
        case .mapping(let others):
            for member in others {
                guard let text = member.key.keyText, places[text] == nil else { continue }
                places[text] = member.key.extent
                // Its location is the source's, for both.
                member.key.extent.isShared = true
                member.value.extent.isShared = true
                members.append(member)
            }
        case .sequence(let sources):
            for source in sources {
                guard case .mapping = source.content else {
                    throw error("\"<<\" requires a mapping or a list of mappings", at: source.extent)
                }
                try merge(source, into: &members, &places)
            }
        default: throw error("\"<<\" requires a mapping or a list of mappings", at: source.extent)
        }
    }
}

extension EventParser.Event {
    fileprivate var isAlias: Bool { if case .alias = self { true } else { false } }
}

/// Converts libyaml's character offsets to byte offsets, starting from the last one.
struct CharacterCursor {
    private let source: SourceText
    private var character = 0
    private var offset: Int

    init(_ source: SourceText) {
        self.source = source
        // A byte order mark is not a character of the text.
        offset = source.markLength
    }

    mutating func offset(of index: Int) -> Int {
        while character < index, offset < source.bytes.count {
            offset += 1
            while offset < source.bytes.count, source.bytes[offset] & 0xC0 == 0x80 { offset += 1 }
            character += 1
        }
        while character > index, offset > 0 {
            offset -= 1
            while offset > 0, source.bytes[offset] & 0xC0 == 0x80 { offset -= 1 }
            character -= 1
        }
        return offset
    }
}

extension SourceText {
    /// The end of a block scalar's last line with content: libyaml reports the start of the next item.
    fileprivate func end(ofBlockScalar extent: Extent) -> Int {
        var end = extent.end
        while end > extent.start, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[end - 1]) { end -= 1 }
        return end
    }
}
