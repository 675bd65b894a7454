import Evaluation

extension Coverage {
    static let applicationRequirements = [
        Statement(
            "The backend takes its settings from environment variables, as The Twelve-Factor App has it: no configuration file is put "
                + "together in a ConfigMap.",
            [.environmentConfig]),
        Statement(
            "The backend takes its database settings one by one (DB_HOST, DB_PORT, …), so that the password comes by itself.",
            [.databaseSettings]),
        Statement(
            "The backend shuts down gracefully on SIGTERM.", [.gracefulShutdown, .signalForwarding],
            remainder: "What the process does with the signal is in its code."),
        Statement(
            "The backend has health endpoints, `/livez` and `/readyz`.",
            [.livenessProbe, .readinessProbe, .healthEndpoints],
            remainder: "What they answer is in its code."),
        Statement(
            "The backend works with several instances at once.", [.replicas],
            remainder: "Whether it elects a leader or shares its load evenly is in its code."),
        Statement("The backend may show its metrics at `/metrics`.", [.metricsEndpoint]),
        Statement(
            "The frontend is ready for a CDN: its static files lie in one folder.", remainder: noFrontend),
        Statement(
            "The frontend is built with a tool that minifies it and puts a hash into file names.", remainder: noFrontend
        ),
    ]

    private static let noFrontend = "A frontend is built and uploaded without the API server."
}
