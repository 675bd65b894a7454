import Evaluation
import JSON
import Kubernetes

/// Reports a missing or malformed probe of each container; sidecars, init and ephemeral containers need none.
func checkProbes(
    _ purpose: Probe.Purpose, path: String, _ missing: Clause, _ oneHandler: Clause, _ subject: Subject,
    _ findings: FindingCollector
) throws(CannotJudge) {
    guard let template = try subject.template() else { return }
    for container in template.mainContainers {
        let probe = try container.probe(purpose)
        if probe?.hasOneHandler ?? false { continue }
        let field = container.field.member(purpose.field)
        if let handlers = probe?.handlers, !handlers.isEmpty {
            let names = handlers.map { "\($0)" }
            findings.add(oneHandler, at: field, "has several handlers: \(names.joined(separator: " and "))") {
                finding in
                finding.edits = names.dropFirst().map { .remove(finding.place / $0) }
            }
            continue
        }
        let isMissing = probe == nil
        findings.add(isMissing ? missing : oneHandler, at: field, isMissing ? "is missing" : "has no handler") {
            let place = $0.place
            switch ProbeSuggestion(path: path, for: container) {
            case .handler(let handler):
                $0.edits = isMissing ? [.set(place, handler)] : handler.members.map { .set(place / $0.key, $0.value) }
            case .words(let words): $0.advice = words
            }
        }
    }
}

/// What a container without a probe can be asked: an HTTP request where it can be expected to answer one, else words.
enum ProbeSuggestion {
    case handler(Literal)
    case words(String)

    init(path: String, for container: Container) {
        let ports = (try? container.ports.objects().map(\.base)) ?? []
        guard let first = ports.first else {
            self = .words(
                "add an exec probe that runs a command of the image, or a probe at the port that it listens on")
            return
        }
        let isForeign =
            PortProtocol.isForeignImage(container) || ports.contains { PortProtocol(of: $0) == .other }
        let port = ports.first {
            switch PortProtocol(of: $0) {
            case .http, .https: true
            case .unknown: !isForeign
            case .other: false
            }
        }
        guard let port, let reference = port.portReference else {
            let number = first["containerPort"]?.text ?? "that it listens on"
            self = .words(
                "add a tcpSocket or grpc probe at port \(number), or an exec probe that runs a command of the image")
            return
        }
        var request = [Literal.Member("path", .string(path)), Literal.Member("port", reference)]
        if PortProtocol(of: port) == .https { request.append(Literal.Member("scheme", "HTTPS")) }
        self = .handler(["httpGet": .object(request)])
    }
}

/// What a port can be expected to speak, by its name and its number.
enum PortProtocol {
    case http, https, unknown, other

    init(of port: Value) {
        if let transport = port.present("protocol"), !transport.equals("TCP") {
            self = .other
            return
        }
        let words = port["name"]?.string.map { PortProtocol.words($0) } ?? []
        let number = port["containerPort"]?.int
        if words.contains(where: PortProtocol.foreign.contains) {
            self = .other
        } else if words.contains("https") || words.isEmpty && (number == 443 || number == 8443) {
            self = .https
        } else if words.contains(where: PortProtocol.plain.contains) {
            self = .http
        } else if words.contains(where: PortProtocol.internals.contains)
            || number.map(PortProtocol.numbers.contains) ?? false
        {
            self = .other
        } else {
            self = .unknown
        }
    }

    /// True if an image is, by its name, that of a database, a cache or a broker.
    static func isForeignImage(_ container: Container) -> Bool {
        guard let image = container.image.value?.string, image.utf8.count <= 512 else { return false }
        let name = image.split(separator: "/").last?.prefix { $0 != ":" && $0 != "@" } ?? ""
        let words = words(String(name))
        // An exporter or a console of one speaks HTTP.
        return words.contains(where: PortProtocol.foreign.contains)
            && !words.contains {
                ["exporter", "commander", "ui", "admin", "console", "web", "proxy", "api"].contains($0)
            }
    }

    private static func words(_ name: String) -> [String] {
        name.lowercased().split { !$0.isASCII || !($0.isLetter || $0.isNumber) }.map {
            let letters = $0.prefix(while: \.isLetter)
            return String(letters.isEmpty ? $0 : letters)
        }
    }

    private static func set(_ text: String) -> Set<String> { Set(text.split(separator: " ").map(String.init)) }

    private static let plain = set("http web api rest ui health healthz probe admin management actuator")
    private static let foreign = set(
        """
        grpc mysql mysqlx mariadb postgres postgresql postgis pgsql psql pgbouncer pgpool redis valkey keydb sentinel memcache \
        memcached mongo mongodb mongos amqp amqps rabbitmq kafka nats mqtt mqtts stomp zookeeper etcd cassandra scylla cql thrift \
        bolt smtp smtps imap imaps pop ldap ldaps ssh sftp ftp dns sip rtmp syslog mssql sqlserver oracle cockroachdb
        """)
    /// What ports between the members of a cluster, and those of debuggers, are called.
    private static let internals = set(
        """
        tcp udp sql db database pg broker client peer peers cluster gossip memberlist raft rpc replication transport jmx rmi debug \
        delve jdwp metrics prometheus monitoring
        """)
    private static let numbers: Set<Int> = [
        21, 22, 23, 25, 53, 110, 143, 389, 465, 514, 587, 636, 993, 995, 1433, 1521, 1883, 2049, 2181, 2379, 2380, 3306,
        3389, 4222, 4317, 5044, 5222, 5432, 5433, 5671, 5672, 6379, 6380, 6432, 6650, 7687, 8883, 9042, 9092, 9094,
        9160,
        9300, 11211, 14250, 24224, 26257, 26379, 27017, 27018, 27019, 33060, 50051, 61613, 61616,
    ]
}

extension Value {
    /// How a probe names this declared port: by its name, else by its number.
    var portReference: Literal? {
        if let name = self["name"]?.string { return .string(name) }
        return self["containerPort"]?.int.map { .number(String($0)) }
    }
}
