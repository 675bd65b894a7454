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
            ("./server; /bin/rm -f pid", .staysBehind, .staysBehind), ("./server; sleep 5", .staysBehind, .staysBehind),
            ("rm -f pid; sleep 1; ./server", .staysBehind, .passesOn),
            ("mkdir work; sleep infinity", .staysBehind, .passesOn),
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

    @Test(
        arguments: [
            ("cd /app\n./server --port 8080", .exec("./server")), ("while true; do work; done", .trap),
            ("echo a | sort", .exec(nil)), ("./server &", .exec(nil)), ("server $PORT", .exec("server")),
            ("exit 0", .exec(nil)), ("./server; rm -f pid", .reorder), ("./server; exec echo done", .reorder),
            ("a & b & wait", .trap),
        ] as [(String, Script.Change)])
    func `the change depends on the last command`(_ text: String, _ change: Script.Change) {
        #expect(Script(text.utf8.span).change == change)
    }
}
