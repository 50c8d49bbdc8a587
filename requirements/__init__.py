"""What the project stands on: locked versions, their known vulnerabilities, their licences."""
