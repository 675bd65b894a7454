import Evaluation

extension Coverage {
    static let applicationRequirements = [
        Statement(
            "The backend is configured with environment variables (The Twelve-Factor App), not with a configuration file in a "
                + "ConfigMap.",
            [.environmentConfig]),
        Statement(
            "The backend has separate database settings (DB_HOST, DB_PORT, …), so that the password is separate.",
            [.databaseSettings]),
        Statement(
            "The backend shuts down gracefully on SIGTERM.", [.gracefulShutdown, .signalForwarding],
            remainder: "The application's code determines how it handles the signal."),
        Statement(
            "The backend has health endpoints, `/livez` and `/readyz`.",
            [.livenessProbe, .readinessProbe, .healthEndpoints],
            remainder: "The application's code determines the responses."),
        Statement(
            "The backend works correctly with several replicas.", [.replicas],
            remainder: "The application's code determines if it elects a leader or distributes the load."),
        Statement("The backend optionally exposes metrics at `/metrics`.", [.metricsEndpoint]),
        Statement(
            "The frontend is ready for a CDN: its static files are in one directory.", remainder: noFrontend),
        Statement(
            "The frontend is built with a tool that minifies it and adds a hash to file names.", remainder: noFrontend
        ),
    ]

    private static let noFrontend = "Frontends are built and uploaded without the API server."
}
