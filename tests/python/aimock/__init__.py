"""The package against aimock, a server of providers' protocols that other people wrote (npm: @copilotkit/aimock)."""
