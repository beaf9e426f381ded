{{/* Rejects values of upstreams that would have no effect, or with which auth would not start. */}}
{{- define "doorward.validateUpstreams" -}}
{{- if and .Values.upstreams .Values.upstreamsFile.existingSecret -}}
{{- fail "upstreamsFile.existingSecret has all upstreams and is in place of upstreams: set one of them" -}}
{{- end -}}
{{- if and .Values.networkPolicy.enabled .Values.upstreamsFile.existingSecret (not .Values.upstreamsFile.egressTo) -}}
{{- fail "upstreamsFile requires egressTo with networkPolicy.enabled: the peers of its upstreams, such as [{ipBlock: {cidr: 192.0.2.0/24}}]" -}}
{{- end -}}
{{- range .Values.auth.extraEnv -}}
{{- if has .name (list "DOORWARD_UPSTREAMS" "DOORWARD_UPSTREAMS_FILE" "DOORWARD_VAULT_KEYS_FILE") -}}
{{- fail (printf "auth.extraEnv: %s: set upstreams or upstreamsFile instead, with which auth also gets the keys of the vault and a way out" .name) -}}
{{- end -}}
{{- end -}}
{{- $names := list -}}
{{- range .Values.upstreams -}}
{{- if has .name $names -}}
{{- fail (printf "upstreams: %s is there twice" .name) -}}
{{- end -}}
{{- $names = append $names .name -}}
{{- if has .name (include "doorward.reservedUpstreamNames" $ | fromJsonArray) -}}
{{- fail (printf "upstreams: the name %s is reserved: take another" .name) -}}
{{- end -}}
{{- if and $.Values.networkPolicy.enabled (not .egressTo) -}}
{{- fail (printf "upstreams: %s requires egressTo with networkPolicy.enabled: its peers, such as [{ipBlock: {cidr: 192.0.2.10/32}}]" .name) -}}
{{- end -}}
{{- include "doorward.validateUpstreamConfig" . -}}
{{- end -}}
{{- end -}}

{{/* RESERVED_NAMES of auth: its own in URLs and in the audit log. chart-check compares the two. */}}
{{- define "doorward.reservedUpstreamNames" -}}
["callback", "doorward", "events", "link", "local", "me", "password", "register", "token"]
{{- end -}}

{{/* Checks what the chart reads and writes of an upstream's settings; auth checks all of them at its start. */}}
{{- define "doorward.validateUpstreamConfig" -}}
{{- $required := get (dict "rest" (list "base_url") "oidc" (list "issuer" "client_id") "oauth2" (list "token_endpoint" "userinfo_endpoint" "client_id")) .adapter -}}
{{- range $required -}}
{{- if not (get $.config .) -}}
{{- fail (printf "upstreams: %s requires config.%s" $.name .) -}}
{{- end -}}
{{- end -}}
{{- $set := dict "adapter" "adapter" -}}
{{- if .existingSecret -}}
{{- range list "client_secret_file" "client_secret_env" "api_key_file" "api_key_env" }}{{ $set = set $set . "existingSecret" }}{{ end -}}
{{- end -}}
{{- if .caSecret }}{{ $set = set $set "ca_file" "caSecret" }}{{ end -}}
{{- range $member, $value := $set -}}
{{- if hasKey $.config $member -}}
{{- fail (printf "upstreams: %s: config.%s is already set by %s" $.name $member $value) -}}
{{- end -}}
{{- end -}}
{{- if eq .adapter "rest" -}}
{{- if and .existingSecret (not .config.api_key_header) -}}
{{- fail (printf "upstreams: %s: existingSecret of a rest upstream is its API key and requires config.api_key_header" .name) -}}
{{- end -}}
{{- else -}}
{{- $isPublic := eq "none" (toString .config.token_auth_method) -}}
{{- $hasSecret := or .existingSecret .config.client_secret_file .config.client_secret_env -}}
{{- if eq $isPublic (not (empty $hasSecret)) -}}
{{- fail (printf "upstreams: %s requires existingSecret with its client-secret, or for a public client config.token_auth_method=none" .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
