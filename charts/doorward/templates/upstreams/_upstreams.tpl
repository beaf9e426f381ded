{{- define "doorward.hasUpstreams" -}}
{{- if or .Values.upstreams .Values.upstreamsFile.existingSecret }}true{{ end -}}
{{- end -}}

{{/* Where auth finds its upstreams, their secrets and the keys of the vault. */}}
{{- define "doorward.upstreamsPath" -}}/run/secrets/upstreams{{- end -}}

{{/* The file of DOORWARD_UPSTREAMS_FILE. Its secrets are files of the volume. */}}
{{- define "doorward.upstreamsDocument" -}}
{{- $document := dict -}}
{{- range .Values.upstreams -}}
{{- $settings := merge (dict "adapter" .adapter) (deepCopy .config) -}}
{{- if .existingSecret -}}
{{- $member := eq .adapter "rest" | ternary "api_key_file" "client_secret_file" -}}
{{- $settings = set $settings $member (printf "%s/%s-secret" (include "doorward.upstreamsPath" $) .name) -}}
{{- end -}}
{{- if .caSecret -}}
{{- $settings = set $settings "ca_file" (printf "%s/%s-ca.crt" (include "doorward.upstreamsPath" $) .name) -}}
{{- end -}}
{{- $document = set $document .name $settings -}}
{{- end -}}
{{- $document | toPrettyJson -}}
{{- end -}}

{{- define "doorward.upstreamsEnv" -}}
{{- if include "doorward.hasUpstreams" . -}}
- {name: DOORWARD_UPSTREAMS_FILE, value: {{ include "doorward.upstreamsPath" . }}/upstreams.json}
- {name: DOORWARD_VAULT_KEYS_FILE, value: {{ include "doorward.upstreamsPath" . }}/vault-keys.json}
{{- end -}}
{{- end -}}

{{- define "doorward.upstreamsMount" -}}
- {name: upstreams, mountPath: {{ include "doorward.upstreamsPath" . }}, readOnly: true}
{{- end -}}

{{/* A volume of its own, which auth alone mounts. The keys come last: no entry of upstreamsFile can replace them. */}}
{{- define "doorward.upstreamsVolume" -}}
- name: upstreams
  projected:
    defaultMode: 0440
    sources:
      {{- with .Values.upstreamsFile.existingSecret }}
      - secret: {name: {{ . }}}
      {{- else }}
      - configMap:
          name: {{ include "doorward.fullname" . }}-upstreams
          items:
            - {key: upstreams.json, path: upstreams.json}
      {{- end }}
      {{- range $upstream := .Values.upstreams }}
      {{- with .existingSecret }}
      - secret:
          name: {{ . }}
          items:
            - {key: {{ eq $upstream.adapter "rest" | ternary "api-key" "client-secret" }}, path: {{ $upstream.name }}-secret}
      {{- end }}
      {{- with .caSecret }}
      - secret:
          name: {{ . }}
          items:
            - {key: ca.crt, path: {{ $upstream.name }}-ca.crt}
      {{- end }}
      {{- end }}
      {{- include "doorward.vaultKeysSource" . | nindent 6 }}
{{- end -}}

{{- define "doorward.vaultKeysSource" -}}
- secret:
    name: {{ include "doorward.secretName" (dict "root" . "value" "vault") }}
    items:
      - {key: vault-keys.json, path: vault-keys.json}
{{- end -}}

{{/* Ports of an upstream, as a JSON list: its own, or those of the URLs that auth calls, and of the hosts of
     pictures. Users' browsers open authorization_endpoint. */}}
{{- define "doorward.upstreamPorts" -}}
{{- $ports := .ports | default list -}}
{{- if not $ports -}}
{{- range list "base_url" "issuer" "token_endpoint" "userinfo_endpoint" "revocation_endpoint" -}}
{{- with get $.config . -}}
{{- $url := urlParse . -}}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" -}}
{{- $ports = append $ports ($port | default (eq $url.scheme "https" | ternary 443 80) | int) -}}
{{- end -}}
{{- end -}}
{{- $default := eq "true" (toString $.config.allow_http) | ternary (list 443 80) (list 443) -}}
{{- range $.config.picture_hosts -}}
{{- with regexFind ":[0-9]+$" . | trimPrefix ":" -}}
{{- $ports = append $ports (int .) -}}
{{- else -}}
{{- $ports = concat $ports $default -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $ports | uniq | toJson -}}
{{- end -}}
