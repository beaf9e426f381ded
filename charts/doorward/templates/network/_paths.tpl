{{/* Path prefixes of the API and the services behind them, as JSON. */}}
{{- define "doorward.paths" -}}
{{- $paths := list (dict "path" "/api/v1/auth" "type" "Prefix" "service" "auth") -}}
{{- /* RFC 8414 section 3: metadata of the issuer at /api/v1/auth. */ -}}
{{- $paths = append $paths (dict "path" "/.well-known/oauth-authorization-server/api/v1/auth" "type" "Exact" "service" "auth") -}}
{{- $paths = append $paths (dict "path" "/api/v1/users" "type" "Prefix" "service" "users") -}}
{{- if .Values.tickets.enabled }}{{ $paths = append $paths (dict "path" "/api/v1/tickets" "type" "Prefix" "service" "tickets") }}{{ end -}}
{{- $paths | toJson -}}
{{- end -}}
