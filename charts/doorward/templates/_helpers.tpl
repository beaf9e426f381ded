{{/* Base name of every object. Dots are allowed in release names but not in Service names. Truncated to 40 characters,
     because suffixes are appended: a Service name may have 63, a CronJob name 52. */}}
{{- define "doorward.fullname" -}}
{{- $name := contains "doorward" .Release.Name | ternary .Release.Name (printf "%s-doorward" .Release.Name) -}}
{{- .Values.fullnameOverride | default $name | replace "." "-" | trunc 40 | trimAll "-" -}}
{{- end -}}

{{/* Selector labels. Never change them: a Deployment's selector is immutable. Takes (dict "root" $ "component" NAME). */}}
{{- define "doorward.selectorLabels" -}}
app.kubernetes.io/name: doorward
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* Pod labels. No version or chart label: a label that changes with each release would restart every pod. */}}
{{- define "doorward.podLabels" -}}
{{ include "doorward.selectorLabels" . }}
app.kubernetes.io/part-of: doorward
{{- end -}}

{{- define "doorward.labels" -}}
{{ include "doorward.podLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Image reference. Takes (dict "root" $ "name" NAME). */}}
{{- define "doorward.image" -}}
{{- $image := .root.Values.image -}}
{{- $repository := printf "%s/%s/%s" $image.registry $image.repository .name -}}
{{- with get ($image.digests | default dict) .name -}}
{{ $repository }}@{{ . }}
{{- else -}}
{{ $repository }}:{{ $image.tag | default $.root.Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* Services that this release runs, as a JSON list. */}}
{{- define "doorward.services" -}}
{{- $services := list "auth" "users" -}}
{{- if .Values.tickets.enabled }}{{ $services = append $services "tickets" }}{{ end -}}
{{- $services | toJson -}}
{{- end -}}

{{/* Names of the services of your own, as a JSON list. */}}
{{- define "doorward.extraServices" -}}
{{- keys .Values.extraServices | sortAlpha | toJson -}}
{{- end -}}

{{/* All services behind the ingress, as a JSON list. */}}
{{- define "doorward.allServices" -}}
{{- concat (include "doorward.services" . | fromJsonArray) (include "doorward.extraServices" . | fromJsonArray) | toJson -}}
{{- end -}}

{{/* Services that authenticate at auth with a secret of their own, as a JSON list. */}}
{{- define "doorward.clients" -}}
{{- $clients := include "doorward.extraServices" . | fromJsonArray -}}
{{- if .Values.tickets.enabled }}{{ $clients = append $clients "tickets" }}{{ end -}}
{{- $clients | sortAlpha | toJson -}}
{{- end -}}

{{/* Whether auth has clients. */}}
{{- define "doorward.hasClients" -}}
{{- if or .Values.serviceClients.existingSecret (include "doorward.clients" . | fromJsonArray) }}true{{ end -}}
{{- end -}}

{{/* Path prefixes of the API and of auth's pages, and the service behind each, as a JSON list. */}}
{{- define "doorward.httpPaths" -}}
{{- $paths := list (dict "path" "/api/v1/auth" "type" "Prefix" "service" "auth") -}}
{{- /* RFC 8414 section 3: metadata of the issuer at /api/v1/auth. */ -}}
{{- $paths = append $paths (dict "path" "/.well-known/oauth-authorization-server/api/v1/auth" "type" "Exact" "service" "auth") -}}
{{- /* The pages that users sign in with. */ -}}
{{- $paths = append $paths (dict "path" "/auth" "type" "Prefix" "service" "auth") -}}
{{- $paths = append $paths (dict "path" "/api/v1/users" "type" "Prefix" "service" "users") -}}
{{- if .Values.tickets.enabled }}{{ $paths = append $paths (dict "path" "/api/v1/tickets" "type" "Prefix" "service" "tickets") }}{{ end -}}
{{- range $name, $extra := .Values.extraServices }}
{{- $paths = append $paths (dict "path" $extra.path "type" "Prefix" "service" $name) }}
{{- end -}}
{{- $paths | toJson -}}
{{- end -}}

{{/* Name of a Secret: existingSecret of the value, or the one that the chart creates.
     Takes (dict "root" $ "value" keys|database|serviceClients|admin|devMailbox|vault|oidc). */}}
{{- define "doorward.secretName" -}}
{{- (get .root.Values .value).existingSecret | default (printf "%s-%s" (include "doorward.fullname" .root) (kebabcase .value)) -}}
{{- end -}}

{{/* Address for browsers; empty without one. */}}
{{- define "doorward.publicUrl" -}}
{{- if .Values.publicUrl -}}
{{ .Values.publicUrl }}
{{- else if and .Values.ingress.enabled .Values.ingress.host .Values.ingress.tlsSecret -}}
https://{{ .Values.ingress.host }}
{{- end -}}
{{- end -}}

{{/* Whether OpenID Connect is on; empty if not. */}}
{{- define "doorward.oidcEnabled" -}}
{{- if and .Values.oidc.enabled (include "doorward.publicUrl" .) }}true{{ end -}}
{{- end -}}

{{- define "doorward.valkeySecretName" -}}
{{- .Values.valkey.passwordSecret | default (printf "%s-valkey" (include "doorward.fullname" .)) -}}
{{- end -}}

{{- define "doorward.redisEnabled" -}}
{{- if or .Values.valkey.enabled .Values.valkey.existingSecret }}true{{ end -}}
{{- end -}}

{{/* Host that takes the mail of the services; empty without one. */}}
{{- define "doorward.mailHost" -}}
{{- if .Values.devMailbox.enabled -}}
{{ include "doorward.fullname" . }}-dev-mailbox
{{- else -}}
{{ .Values.mail.host }}
{{- end -}}
{{- end -}}

{{- define "doorward.mailPort" -}}
{{- if .Values.devMailbox.enabled -}}
1025
{{- else -}}
{{ .Values.mail.port | default (get (dict "tls" 465 "none" 25) .Values.mail.tls | default 587) }}
{{- end -}}
{{- end -}}

{{/* Port of a URL. */}}
{{- define "doorward.urlPort" -}}
{{- $url := urlParse . -}}
{{- regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (eq $url.scheme "http" | ternary "80" "443") -}}
{{- end -}}

{{/* Short: Kubernetes appends a revision to the name of a StatefulSet, and a label may have 63 characters. */}}
{{- define "doorward.databaseProxyName" -}}
{{ include "doorward.fullname" . }}-db-proxy
{{- end -}}

{{- define "doorward.databaseHost" -}}
{{- if .Values.mariadb.enabled -}}
{{ include "doorward.fullname" . }}-mariadb
{{- else if .Values.databaseProxy.enabled -}}
{{ include "doorward.databaseProxyName" . }}
{{- else -}}
{{ required "externalDatabase.host is required when mariadb.enabled and databaseProxy.enabled are false" .Values.externalDatabase.host }}
{{- end -}}
{{- end -}}

{{- define "doorward.databasePort" -}}
{{- or .Values.mariadb.enabled .Values.databaseProxy.enabled | ternary 3306 (int .Values.externalDatabase.port) -}}
{{- end -}}

{{/* Takes (dict "root" $ "account" NAME "database" identity|tickets). */}}
{{- define "doorward.databaseUrl" -}}
{{- $external := .root.Values.externalDatabase -}}
{{- $name := eq .database "tickets" | ternary $external.ticketsName $external.identityName -}}
mysql+pymysql://doorward_{{ .account }}@{{ include "doorward.databaseHost" .root }}:{{ include "doorward.databasePort" .root }}/{{ $name }}
{{- end -}}

{{/* Database connection of a container. Takes the same as doorward.databaseUrl. */}}
{{- define "doorward.databaseEnv" -}}
- {name: DOORWARD_DATABASE_URL, value: {{ include "doorward.databaseUrl" . | quote }}}
- {name: DOORWARD_DATABASE_PASSWORD_FILE, value: /run/secrets/doorward/{{ .account }}-password}
{{- include "doorward.databaseTlsEnv" .root }}
{{- end -}}

{{- define "doorward.databaseTlsEnv" -}}
{{- if and (not .Values.mariadb.enabled) .Values.externalDatabase.tlsSecret }}
- {name: DOORWARD_DATABASE_TLS_CA_FILE, value: /run/secrets/doorward/database-ca.crt}
{{- end }}
{{- end -}}

{{- define "doorward.managesDatabaseAccounts" -}}
{{- if or .Values.mariadb.enabled .Values.externalDatabase.manageAccounts }}true{{ end -}}
{{- end -}}

{{/* Pod fields that all pods share. Takes (dict "root" $ "component" NAME "securityContext" CONTEXT?). */}}
{{- define "doorward.commonPodSpec" -}}
serviceAccountName: {{ include "doorward.fullname" .root }}
automountServiceAccountToken: false
# Without this, a Service named `mysql` in the namespace would set MYSQL_PORT in the pod.
enableServiceLinks: false
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- $own := get .root.Values .component | default dict }}
{{- with $own.nodeSelector | default .root.Values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with $own.tolerations | default .root.Values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
securityContext: {{ toYaml (.securityContext | default .root.Values.podSecurityContext) | nindent 2 }}
{{- end -}}

{{- define "doorward.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- define "doorward.jobResources" -}}
requests: {cpu: 50m, memory: 96Mi}
limits: {memory: 256Mi}
{{- end -}}

{{- define "doorward.tmpVolume" -}}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
{{- end -}}

{{/* One projected volume with all secrets of a pod. Takes (dict "root" $ "accounts" LIST "sources" YAML?). */}}
{{- define "doorward.secretsVolume" -}}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      - secret:
          name: {{ include "doorward.secretName" (dict "root" .root "value" "database") }}
          items:
            {{- range .accounts }}
            - {key: {{ . }}-password, path: {{ . }}-password}
            {{- end }}
      {{- if and (not .root.Values.mariadb.enabled) .root.Values.externalDatabase.tlsSecret }}
      - secret:
          name: {{ .root.Values.externalDatabase.tlsSecret }}
          items:
            - {key: ca.crt, path: database-ca.crt}
      {{- end }}
      {{- with .sources }}
      {{- . | nindent 6 }}
      {{- end }}
{{- end -}}

{{- define "doorward.adminSecretSource" -}}
- secret:
    name: {{ include "doorward.secretName" (dict "root" . "value" "admin") }}
    items:
      - {key: admin-password, path: admin-password}
{{- end -}}

{{- define "doorward.volumeMounts" -}}
- {name: tmp, mountPath: /tmp}
- {name: secrets, mountPath: /run/secrets/doorward, readOnly: true}
{{- end -}}

{{/* A Job is immutable, so its name contains a hash of its pod. Takes (dict "root" $ "component" NAME "podSpec" TEXT). */}}
{{- define "doorward.jobName" -}}
{{- printf "%s-%s-%s" (include "doorward.fullname" .root) .component (.podSpec | sha256sum | trunc 8) -}}
{{- end -}}
