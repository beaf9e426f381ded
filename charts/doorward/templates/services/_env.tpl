{{/* What tokens name: the installation, and how long they live. */}}
{{- define "doorward.tokenEnv" -}}
{{- with include "doorward.publicUrl" . -}}
- {name: DOORWARD_PUBLIC_URL, value: {{ . | quote }}}
{{ end -}}
{{- with .Values.issuer -}}
- {name: DOORWARD_ISSUER, value: {{ . | quote }}}
{{ end -}}
- {name: DOORWARD_AUDIENCE, value: {{ .Values.audience | quote }}}
- {name: DOORWARD_ACCESS_TOKEN_SECONDS, value: {{ .Values.accessTokenSeconds | quote }}}
{{- end -}}

{{/* The service clients; empty without one. */}}
{{- define "doorward.serviceClientsEnv" -}}
{{- if include "doorward.hasClients" . -}}
- {name: DOORWARD_OAUTH_CLIENTS_FILE, value: /run/secrets/doorward/service-clients.json}
{{- end -}}
{{- end -}}

{{/* Takes (dict "root" $ "key" KEY). */}}
{{- define "doorward.serviceClientsSource" -}}
- secret:
    name: {{ include "doorward.secretName" (dict "root" .root "value" "serviceClients") }}
    items:
      - {key: {{ .key }}, path: {{ .key }}}
{{- end -}}

{{/* Settings of every service, also of your own. Takes (dict "root" $ "service" NAME). */}}
{{- define "doorward.commonSettings" -}}
{{- $values := .root.Values -}}
{{- $fullname := include "doorward.fullname" .root -}}
{{ include "doorward.tokenEnv" .root }}
- {name: DOORWARD_LOG_LEVEL, value: {{ $values.logLevel | quote }}}
- {name: DOORWARD_TRUSTED_PROXIES, value: {{ join "," $values.trustedProxies | quote }}}
{{- with $values.allowedOrigins }}
- {name: DOORWARD_ALLOWED_ORIGINS, value: {{ join "," . | quote }}}
{{- end }}
- {name: DOORWARD_TRUST_PROXY_REQUEST_ID, value: {{ $values.trustProxyRequestId | quote }}}
- {name: DOORWARD_SHUTDOWN_DELAY_SECONDS, value: {{ $values.shutdownDelaySeconds | quote }}}
{{- if or (eq .service "auth") $values.keys.shared }}
- {name: DOORWARD_JWKS_FILE, value: /run/secrets/doorward/keys.json}
{{- else }}
- {name: DOORWARD_PAGINATION_SECRET_FILE, value: /run/secrets/doorward/pagination-secret}
{{- end }}
{{- if include "doorward.redisEnabled" .root }}
{{- if $values.valkey.existingSecret }}
- {name: DOORWARD_REDIS_URL_FILE, value: /run/secrets/doorward/redis-url}
{{- else }}
- {name: DOORWARD_REDIS_URL, value: "redis://{{ $fullname }}-valkey:6379/0"}
- {name: DOORWARD_REDIS_PASSWORD_FILE, value: /run/secrets/doorward/valkey-password}
{{- end }}
{{- end }}
{{- end -}}

{{/* Settings of a service that auth has as a client. Takes (dict "root" $ "service" NAME). */}}
{{- define "doorward.clientSettings" -}}
{{- $fullname := include "doorward.fullname" .root -}}
- {name: DOORWARD_AUTH_URL, value: "http://{{ $fullname }}-auth:8000/api/v1/auth"}
- {name: DOORWARD_USERS_URL, value: "http://{{ $fullname }}-users:8000/api/v1/users"}
- {name: DOORWARD_CLIENT_ID, value: {{ .service }}}
- {name: DOORWARD_CLIENT_SECRET_FILE, value: /run/secrets/doorward/{{ .service }}-secret}
{{- end -}}

{{/* Settings of a service from the values. Takes (dict "root" $ "service" NAME). */}}
{{- define "doorward.serviceSettings" -}}
{{- $values := .root.Values -}}
{{- $fullname := include "doorward.fullname" .root -}}
{{ include "doorward.databaseEnv" (dict "root" .root "account" .service "database" (eq .service "tickets" | ternary "tickets" "identity")) }}
- {name: DOORWARD_DATABASE_POOL_SIZE, value: {{ $values.database.poolSize | quote }}}
{{ include "doorward.commonSettings" . }}
{{- if and (eq .service "users") (not $values.keys.shared) }}
- {name: DOORWARD_AUTH_URL, value: "http://{{ $fullname }}-auth:8000/api/v1/auth"}
{{- end }}
{{- if eq .service "auth" }}
- {name: DOORWARD_HASH_THREADS, value: {{ $values.auth.hashThreads | quote }}}
- {name: DOORWARD_REGISTRATION, value: {{ $values.registration | quote }}}
- {name: DOORWARD_REFRESH_IDLE_SECONDS, value: {{ int64 $values.sessions.idleSeconds | quote }}}
- {name: DOORWARD_REFRESH_ABSOLUTE_SECONDS, value: {{ int64 $values.sessions.absoluteSeconds | quote }}}
- {name: DOORWARD_MAX_SESSIONS, value: {{ int64 $values.sessions.maxPerUser | quote }}}
- {name: DOORWARD_SSO_IDLE_SECONDS, value: {{ int64 $values.browserSessions.idleSeconds | quote }}}
- {name: DOORWARD_SSO_ABSOLUTE_SECONDS, value: {{ int64 $values.browserSessions.absoluteSeconds | quote }}}
{{- with include "doorward.serviceClientsEnv" .root }}
{{ . }}
{{- end }}
{{- if $values.pages.themeConfigMap }}
- {name: DOORWARD_THEME_DIR, value: /etc/doorward/theme}
{{- end }}
{{- if include "doorward.oidcEnabled" .root }}
- {name: DOORWARD_OIDC_JWKS_FILE, value: /run/secrets/doorward/oidc-keys}
{{- end }}
{{- with include "doorward.captchaEnv" .root }}
{{- . | nindent 0 }}
{{- end }}
{{- with include "doorward.upstreamsEnv" .root }}
{{- . | nindent 0 }}
{{- end }}
{{- end }}
{{- if ne .service "tickets" }}
{{- with $values.registrationDomains }}
- {name: DOORWARD_REGISTRATION_DOMAINS, value: {{ join "," . | quote }}}
{{- end }}
{{- end }}
{{- if ne .service "tickets" }}
{{- with include "doorward.avatarEnv" .root }}
{{- . | nindent 0 }}
{{- end }}
{{- end }}
{{- if eq .service "tickets" }}
{{ include "doorward.clientSettings" . }}
- {name: DOORWARD_TICKET_RETENTION_DAYS, value: {{ $values.tickets.retentionDays | quote }}}
{{- end }}
{{- if eq .service "users" }}
- {name: DOORWARD_DIRECTORY_VISIBILITY, value: {{ $values.directoryVisibility | quote }}}
- {name: DOORWARD_ADMIN_SET_PASSWORD_MUST_CHANGE, value: {{ $values.adminSetPasswordMustChange | quote }}}
{{- with include "doorward.mailHost" .root }}
- {name: DOORWARD_SMTP_HOST, value: {{ . | quote }}} # auth sends the invitations
{{- end }}
{{- else }}
{{- with include "doorward.mailEnv" .root }}
{{- . | nindent 0 }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Settings and extraEnv. Takes (dict "root" $ "service" NAME). */}}
{{- define "doorward.serviceEnv" -}}
{{- $env := include "doorward.serviceSettings" . -}}
{{- include "doorward.withExtraEnv" (dict "env" $env "extra" (get .root.Values .service).extraEnv "path" (printf "%s.extraEnv" .service)) -}}
{{- end -}}

{{/* Environment of a service of your own. Takes (dict "root" $ "service" NAME "port" PORT "env" LIST). */}}
{{- define "doorward.extraServiceEnv" -}}
{{- $env := printf "%s\n%s" (include "doorward.commonSettings" .) (include "doorward.clientSettings" .) -}}
{{- $env = printf "%s\n- {name: DOORWARD_PORT, value: %q}" $env (toString .port) -}}
{{- include "doorward.withExtraEnv" (dict "env" $env "extra" .env "path" (printf "extraServices.%s.env" .service)) -}}
{{- end -}}

{{/* A duplicate name is an error: server-side apply rejects it, and otherwise the last one wins.
     Takes (dict "env" YAML "extra" LIST "path" VALUE). */}}
{{- define "doorward.withExtraEnv" -}}
{{- $names := list -}}
{{- range .env | fromYamlArray }}{{ $names = append $names .name }}{{ end -}}
{{- range .extra }}
{{- if has .name $names }}{{ fail (printf "%s: %s is already set by the chart" $.path .name) }}{{ end -}}
{{- $names = append $names .name }}
{{- end -}}
{{ .env }}
{{- with .extra }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Mail settings of auth and tickets. */}}
{{- define "doorward.mailEnv" -}}
{{- $mail := .Values.mail -}}
{{- if .Values.frontendUrl -}}
- {name: DOORWARD_FRONTEND_URL, value: {{ .Values.frontendUrl | quote }}}
{{- end }}
{{- if include "doorward.mailHost" . }}
- {name: DOORWARD_SMTP_HOST, value: {{ include "doorward.mailHost" . | quote }}}
- {name: DOORWARD_MAIL_FROM_NAME, value: {{ $mail.fromName | quote }}}
- {name: DOORWARD_MAIL_DEFAULT_LOCALE, value: {{ $mail.defaultLocale | quote }}}
{{- end }}
{{- if .Values.devMailbox.enabled }}
- {name: DOORWARD_SMTP_PORT, value: {{ include "doorward.mailPort" . | quote }}}
- {name: DOORWARD_SMTP_TLS, value: none}
- {name: DOORWARD_MAIL_FROM, value: {{ $mail.from | default "doorward@example.com" | quote }}}
{{- else if $mail.host }}
- {name: DOORWARD_SMTP_TLS, value: {{ $mail.tls | quote }}}
- {name: DOORWARD_MAIL_FROM, value: {{ required "mail.host requires mail.from" $mail.from | quote }}}
{{- if $mail.port }}
- {name: DOORWARD_SMTP_PORT, value: {{ $mail.port | quote }}}
{{- end }}
{{- if $mail.username }}
- {name: DOORWARD_SMTP_USERNAME, value: {{ $mail.username | quote }}}
- {name: DOORWARD_SMTP_PASSWORD_FILE, value: /run/secrets/doorward/smtp-password}
{{- end }}
{{- if $mail.tlsSecret }}
- {name: DOORWARD_SMTP_CA_FILE, value: /run/secrets/doorward/smtp-ca.crt}
{{- end }}
{{- end }}
{{- if $mail.templatesConfigMap }}
- {name: DOORWARD_MAIL_TEMPLATES_DIR, value: /etc/doorward/mail}
{{- end }}
{{- end -}}

{{/* Settings of the captcha; none without its provider. */}}
{{- define "doorward.captchaEnv" -}}
{{- $captcha := .Values.captcha -}}
{{- if $captcha.verifyUrl -}}
- {name: DOORWARD_CAPTCHA_VERIFY_URL, value: {{ $captcha.verifyUrl | quote }}}
- {name: DOORWARD_CAPTCHA_SECRET_FILE, value: /run/secrets/doorward/captcha-secret}
- {name: DOORWARD_CAPTCHA_REQUIRED_FOR, value: {{ join "," $captcha.requiredFor | quote }}}
- {name: DOORWARD_CAPTCHA_ON_ERROR, value: {{ $captcha.onError | quote }}}
{{- if $captcha.siteKey }}
- {name: DOORWARD_CAPTCHA_SITE_KEY, value: {{ $captcha.siteKey | quote }}}
- {name: DOORWARD_CAPTCHA_SCRIPT_URL, value: {{ $captcha.scriptUrl | quote }}}
{{- end }}
{{- end }}
{{- end -}}

{{/* Settings of pictures, of auth and users; none for the database. */}}
{{- define "doorward.avatarEnv" -}}
{{- if eq .Values.avatars.store "s3" -}}
{{- $s3 := .Values.avatars.s3 -}}
- {name: DOORWARD_AVATAR_STORE, value: s3}
{{- with $s3.endpoint }}
- {name: DOORWARD_S3_ENDPOINT, value: {{ . | quote }}}
{{- end }}
- {name: DOORWARD_S3_BUCKET, value: {{ $s3.bucket | quote }}}
- {name: DOORWARD_S3_PREFIX, value: {{ $s3.prefix | quote }}}
- {name: DOORWARD_S3_REGION, value: {{ $s3.region | quote }}}
- {name: DOORWARD_S3_ACCESS_KEY_ID_FILE, value: /run/secrets/doorward/s3-access-key-id}
- {name: DOORWARD_S3_SECRET_ACCESS_KEY_FILE, value: /run/secrets/doorward/s3-secret-access-key}
{{- if $s3.tlsSecret }}
- {name: DOORWARD_S3_CA_FILE, value: /run/secrets/doorward/s3-ca.crt}
{{- end }}
{{- end }}
{{- end -}}

{{/* The keys of access tokens for a service, and its secret at auth. Takes (dict "root" $ "service" NAME). */}}
{{- define "doorward.commonSecrets" -}}
{{- $values := .root.Values -}}
- secret:
    name: {{ include "doorward.secretName" (dict "root" .root "value" "keys") }}
    items:
      {{- if or (eq .service "auth") $values.keys.shared }}
      - {key: keys.json, path: keys.json}
      {{- else }}
      - {key: pagination-secret, path: pagination-secret}
      {{- end }}
{{- $key := "" }}
{{- if has .service (include "doorward.clients" .root | fromJsonArray) }}{{ $key = printf "%s-secret" .service }}{{ end }}
{{- if and (eq .service "auth") (include "doorward.hasClients" .root) }}{{ $key = "service-clients.json" }}{{ end }}
{{- if $key }}
{{ include "doorward.serviceClientsSource" (dict "root" .root "key" $key) }}
{{- end }}
{{- if $values.valkey.existingSecret }}
- secret:
    name: {{ $values.valkey.existingSecret }}
    items:
      - {key: redis-url, path: redis-url}
{{- else if $values.valkey.enabled }}
- secret:
    name: {{ include "doorward.valkeySecretName" .root }}
    items:
      - {key: valkey-password, path: valkey-password}
{{- end }}
{{- end -}}

{{/* Secrets of a service other than its database password. Takes (dict "root" $ "service" NAME). */}}
{{- define "doorward.serviceSecrets" -}}
{{- $values := .root.Values -}}
{{ include "doorward.commonSecrets" . }}
{{- if and (eq .service "auth") (include "doorward.oidcEnabled" .root) }}
- secret:
    name: {{ include "doorward.secretName" (dict "root" .root "value" "oidc") }}
    items:
      - {key: oidc-keys, path: oidc-keys}
{{- end }}
{{- if and (eq .service "auth") $values.captcha.verifyUrl }}
- secret:
    name: {{ $values.captcha.existingSecret }}
    items:
      - {key: captcha-secret, path: captcha-secret}
{{- end }}
{{- if and (ne .service "users") $values.mail.host $values.mail.username }}
- secret:
    name: {{ required "mail.username requires mail.existingSecret" $values.mail.existingSecret }}
    items:
      - {key: smtp-password, path: smtp-password}
{{- end }}
{{- if and (ne .service "users") $values.mail.host $values.mail.tlsSecret }}
- secret:
    name: {{ $values.mail.tlsSecret }}
    items:
      - {key: ca.crt, path: smtp-ca.crt}
{{- end }}
{{- if and (ne .service "tickets") (eq $values.avatars.store "s3") }}
- secret:
    name: {{ $values.avatars.s3.existingSecret }}
    items:
      - {key: s3-access-key-id, path: s3-access-key-id}
      - {key: s3-secret-access-key, path: s3-secret-access-key}
{{- with $values.avatars.s3.tlsSecret }}
- secret:
    name: {{ . }}
    items:
      - {key: ca.crt, path: s3-ca.crt}
{{- end }}
{{- end }}
{{- end -}}
