public import JSON

/// The protocol that a port probably serves, derived from its name and number.
public enum PortProtocol {
    case http, https, unknown, other

    /// Derives the protocol from a port.
    public init(of port: Value) {
        guard PortProtocol.isOfTCP(port) else {
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

    /// True if the image's name is that of a program that does not serve HTTP, such as a database.
    public static func isForeignImage(_ container: Container) -> Bool { isImage(container, of: foreign) }

    /// True if the image is a pause image: its process only waits.
    public static func isPauseImage(_ container: Container) -> Bool { isImage(container, of: ["pause"]) }

    /// True if the port uses TCP, which is the default.
    public static func isOfTCP(_ port: Value) -> Bool { port.present("protocol")?.equals("TCP") ?? true }

    /// True if servers of HTTP usually listen on the port's number.
    public static func isUsualForHTTP(_ port: Value) -> Bool {
        guard let number = port["containerPort"]?.int else { return false }
        return [80...81, 3000...3999, 4000...4000, 5000...5001, 8000...8999, 9000...9099].contains {
            $0.contains(number)
        }
    }

    /// True if the image's name is that of a database, a cache or a message broker.
    public static func isDataImage(_ container: Container) -> Bool { isImage(container, of: data) }

    /// True if the port's name or number is that of a database, a cache or a message broker.
    public static func isOfData(_ port: Value) -> Bool {
        let words = port["name"]?.string.map { PortProtocol.words($0) } ?? []
        if words.contains(where: PortProtocol.data.contains) { return true }
        return PortProtocol(of: port) == .other && port["containerPort"]?.int.map(dataNumbers.contains) ?? false
    }

    private static func isImage(_ container: Container, of names: Set<String>) -> Bool {
        guard let image = container.image.value?.string, image.utf8.count <= 512 else { return false }
        let name = image.split(separator: "/").last?.prefix { $0 != ":" && $0 != "@" } ?? ""
        let words = words(String(name))
        // Their exporters and consoles serve HTTP.
        return words.contains(where: names.contains)
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
    /// Names of databases, caches and message brokers, which replicate data by themselves or not at all.
    private static let data = set(
        """
        mysql mysqlx mariadb postgres postgresql postgis pgsql psql redis valkey keydb sentinel memcache memcached mongo mongodb \
        mongos amqp amqps rabbitmq kafka nats mqtt mqtts stomp zookeeper etcd cassandra scylla cql dynamodb hazelcast mssql \
        sqlserver oracle cockroachdb
        """)
    private static let foreign = data.union(
        set(
            """
            grpc pgbouncer pgpool thrift bolt smtp smtps imap imaps pop ldap ldaps ssh sftp ftp dns sip rtmp syslog spark
            """))
    /// Names of ports that cluster members or debuggers use.
    private static let internals = set(
        """
        tcp udp sql db database pg broker client peer peers cluster gossip memberlist raft rpc replication transport jmx rmi debug \
        delve jdwp metrics prometheus monitoring
        """)
    private static let dataNumbers: Set<Int> = [
        1433, 1521, 1883, 2181, 2379, 2380, 3306, 4222, 5432, 5433, 5671, 5672, 5701, 6379, 6380, 6650, 7687, 8883,
        9042,
        9092, 9094, 9160, 9300, 11211, 26257, 26379, 27017, 27018, 27019, 33060, 61613, 61616,
    ]
    private static let numbers: Set<Int> = dataNumbers.union([
        21, 22, 23, 25, 53, 110, 143, 389, 465, 514, 587, 636, 993, 995, 2049, 3389, 4317, 5044, 5222, 6432, 6627, 6700,
        7077, 8500, 14250, 24224, 50051,
    ])
}
