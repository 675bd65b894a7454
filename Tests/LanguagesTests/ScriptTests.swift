import Languages
import Testing

/// Shell scripts.
@Suite struct ScriptTests {
    @Test(
        arguments: [
            ("exec ./server", .passesOn, .passesOn),
            ("./server --port 8080", .staysBehind, .passesOn),
            ("migrate && exec npm start", .packageManager("npm"), .packageManager("npm")),
            ("trap 'kill 0' TERM; ./server & wait", .passesOn, .passesOn),
            ("./server; echo done", .staysBehind, .staysBehind),
            ("# exec ./server\n./server | tee log", .staysBehind, .passesOn),
            ("exec ./server | tee log", .staysBehind, .passesOn),
            ("exec sh -c 'npm start; true'", .passesOn, .passesOn),
        ] as [(String, Script.End, Script.End)])
    func `the last command decides if process 1 receives SIGTERM`(
        _ text: String, _ end: Script.End, _ endInBash: Script.End
    ) {
        let script = Script(text.utf8.span)
        #expect(script.end == end)
        #expect(script.endInBash == endInBash)
    }

    @Test(arguments: [
        ("cd /app\n./server --port 8080", "./server"), ("while true; do work; done", nil), ("echo a | sort", nil),
        ("./server &", nil), ("server $PORT", "server"), ("exit 0", nil),
    ])
    func `the last program is known if only exec is missing before it`(_ text: String, _ program: String?) {
        #expect(Script(text.utf8.span).lastProgram == program)
    }
}
