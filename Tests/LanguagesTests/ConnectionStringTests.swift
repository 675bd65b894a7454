import JSON
import Languages
import Testing

@Suite struct ConnectionStringTests {
    private func kind(_ name: String, _ value: String?, hasSecret: Bool = false) throws -> ConnectionString.Kind? {
        let literal: Literal = ["name": .string(name), "value": value.map { .string($0) } ?? .null]
        let document = try Document(parsing: Array(literal.json.utf8))
        return try withExtendedLifetime(document) {
            let text = try #require(document.root["name"])
            return ConnectionString.Kind(text, value == nil ? nil : document.root["value"]) { _ in hasSecret }
        }
    }

    @Test(
        arguments: [
            ("DATABASE_URL", nil, .named), ("DATABASE_URL", "postgres://db/shop", .named), ("REPLICAS", nil, nil),
            ("TARGET", "postgres://u:p@db/shop", .written), ("TARGET", "jdbc:postgresql://db/shop", .written),
            ("TARGET", "https://u:p@shop.example.com", nil), ("SENTRY_DSN", nil, nil),
        ] as [(String, String?, ConnectionString.Kind?)])
    func `a connection string is recognized by its name or its value`(
        _ name: String, _ value: String?, _ expected: ConnectionString.Kind?
    ) throws {
        #expect(try kind(name, value) == expected)
    }

    @Test func `a text with placeholders is composed, unless it has a secret itself`() throws {
        let text = "postgres://$(DB_USER):$(DB_PASSWORD)@$(DB_HOST)/shop"
        #expect(try kind("TARGET", text) == nil)
        #expect(try kind("TARGET", text, hasSecret: true) == .written)
    }

    @Test func `the lines of a settings file with a connection string are found`() {
        let text = """
            name: shop
            url: postgres://u:p@db:5432/shop
            page: https://shop.example.com
            db=Server=db;Database=shop;
            """
        #expect(ConnectionString.lines(of: text.utf8.span, areSettings: false) { _ in false }.map(\.number) == [2, 4])
    }

    @Test(arguments: [
        ("url: postgres://u:p@db/shop", true, true), ("export TARGET=postgres://u:p@db/shop", true, true),
        ("DATABASE_URL=postgres://db/shop", true, false), ("export DB_URL='mysql://db/shop'", true, false),
        ("DATABASE_URL=postgres://${HOST}/shop", false, false), ("exported: postgres://db/shop", false, false),
    ])
    func `in settings, the name of a line is sufficient`(_ line: String, _ inSettings: Bool, _ elsewhere: Bool) {
        let settings = ConnectionString.lines(of: line.utf8.span, areSettings: true) { _ in false }
        let others = ConnectionString.lines(of: line.utf8.span, areSettings: false) { _ in false }
        #expect(!settings.isEmpty == inSettings && !others.isEmpty == elsewhere)
    }
}
