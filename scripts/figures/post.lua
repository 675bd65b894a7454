-- Posts one file repeatedly: wrk -s post.lua URL -- FILE
-- Ends with a line `FIGURES REQUESTS FAILURES P99-IN-MICROSECONDS`; a failure is a response other than 2xx or 3xx, or none.
function init(args)
   local file = assert(io.open(args[1], "rb"))
   wrk.method = "POST"
   wrk.body = file:read("*a")
   wrk.headers["Content-Type"] = "application/json"
   file:close()
end

function done(summary, latency)
   local errors = summary.errors
   local failures = errors.connect + errors.read + errors.write + errors.status + errors.timeout
   print(string.format("FIGURES %d %d %d", summary.requests, failures, latency:percentile(99)))
end
